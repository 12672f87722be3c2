import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { commit, encodeEntryHead, entryLeaf } from './leaf.ts';
import { refusal, toHex } from './testing.ts';

const sha256 = (...parts: (string | Uint8Array)[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

describe('the audit leaf', () => {
  const head = { seq: 7, kind: 'accept', at: 1_790_000_000_000, head: { to: 'é', from: 'b' } };
  const text = 'aip-entry-v1\n{"at":1790000000000,"head":{"from":"b","to":"é"},"kind":"accept","seq":7}';

  it('is made of a version line and the canonical head', () => {
    expect(encodeEntryHead(head)).toBe(text);
  });

  it('is the RFC 6962 leaf hash of that text', () => {
    expect(toHex(entryLeaf(head))).toBe(sha256('\0', text));
  });
});

describe('a commitment', () => {
  const salt = new Uint8Array(16).fill(9);
  const bytes = new TextEncoder().encode('to be forgotten');

  it('is SHA-256 over domain, salt and bytes', () => {
    expect(toHex(commit(salt, bytes))).toBe(sha256('aip-commit-v1\0', salt, bytes));
  });

  it('differs with the salt and with every byte', () => {
    const sums = [
      commit(salt, bytes),
      commit(salt.with(0, 8), bytes),
      commit(salt, bytes.with(3, 0)),
      commit(salt, bytes.slice(1)),
    ];
    expect(new Set(sums.map(toHex))).toHaveLength(4);
  });

  it('has a salt of fixed length, so that no byte can move from one to the other', () => {
    expect(refusal(() => commit(new Uint8Array(17), bytes)).code).toBe('INVALID_ARGUMENT');
    expect(refusal(() => commit(new Uint8Array(0), bytes)).code).toBe('INVALID_ARGUMENT');
  });
});
