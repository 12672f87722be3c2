import { generateKeyPairSync, sign as signBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { type JWK, exportJWK, flattenedVerify, importJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { toBase64Url } from './base64.ts';
import { utf8Bytes } from './bytes.ts';
import { canonicalCard, cardKeyIds, signCard, verifyCard } from './card.ts';
import { keyIdOfDid } from './did-key.ts';
import { AipError } from './errors.ts';
import type { Json, JsonObject } from './json.ts';
import { generateKeyPair, importPublicKey, publicJwk } from './keys.ts';
import { refusal } from './testing.ts';

const pair = generateKeyPair(new Uint8Array(32).fill(3));
const keyId = keyIdOfDid(pair.did);

const card: JsonObject = {
  name: 'Clause finder',
  description: 'Finds clauses.',
  version: '1.2.0',
  supportedInterfaces: [
    { url: 'https://a.example/a2a', protocolBinding: 'JSONRPC', protocolVersion: '1.0', tenant: '' },
  ],
  capabilities: {
    streaming: true,
    pushNotifications: false,
    extensions: [{ uri: 'https://x.example', required: false }],
  },
  securitySchemes: {
    bearer: { httpAuthSecurityScheme: { scheme: 'Bearer' } },
    oauth: {
      oauth2SecurityScheme: { flows: { clientCredentials: { tokenUrl: 'https://a.example/t', scopes: { all: '' } } } },
    },
  },
  securityRequirements: [{ schemes: { bearer: { list: [] } } }],
  defaultInputModes: ['text/plain'],
  defaultOutputModes: [],
  skills: [{ id: 's', name: 'S', description: 'd', tags: ['law'], examples: [], inputModes: null }],
};

describe('the canonical card (A2A §8.4.1)', () => {
  it('is RFC 8785 without defaults, empty things and signatures', () => {
    expect(canonicalCard({ ...card, signatures: [{ protected: 'a', signature: 'b' }] })).toBe(
      '{"capabilities":{"extensions":[{"uri":"https://x.example"}],"pushNotifications":false,"streaming":true},' +
        '"defaultInputModes":["text/plain"],"description":"Finds clauses.","name":"Clause finder",' +
        '"securitySchemes":{"bearer":{"httpAuthSecurityScheme":{"scheme":"Bearer"}},' +
        '"oauth":{"oauth2SecurityScheme":{"flows":{"clientCredentials":{"tokenUrl":"https://a.example/t"}}}}},' +
        '"skills":[{"description":"d","id":"s","name":"S","tags":["law"]}],' +
        '"supportedInterfaces":[{"protocolBinding":"JSONRPC","protocolVersion":"1.0","url":"https://a.example/a2a"}],' +
        '"version":"1.2.0"}',
    );
  });

  it('is a fixed point', () => {
    expect(canonicalCard(JSON.parse(canonicalCard(card)) as JsonObject)).toBe(canonicalCard(card));
  });

  it('keeps an optional false and drops a default false', () => {
    const flow = { authorizationCode: { tokenUrl: 't', pkceRequired: false } };
    const schemes = { o: { oauth2SecurityScheme: { flows: flow } } };
    expect(canonicalCard({ capabilities: { streaming: false }, securitySchemes: schemes })).toBe(
      '{"capabilities":{"streaming":false},"securitySchemes":{"o":{"oauth2SecurityScheme":{"flows":{"authorizationCode":{"tokenUrl":"t"}}}}}}',
    );
  });

  it.each<[string, JsonObject]>([
    ['name', { name: 5 }],
    ['skills', { skills: {} }],
    ['skills[1].tags[0]', { skills: [{ id: 'a' }, { id: 'b', tags: [1] }] }],
    ['capabilities.streaming', { capabilities: { streaming: 'yes' } }],
    ['securitySchemes.a', { securitySchemes: { a: { mtlsSecurityScheme: {}, httpAuthSecurityScheme: {} } } }],
    ['capabilities.extensions[0].params', { capabilities: { extensions: [{ params: [] }] } }],
  ])('names a wrong %s', (field, wrong) => {
    const error = refusal(() => canonicalCard(wrong));
    expect([error.code, error.details?.['field']]).toEqual(['MALFORMED_MESSAGE', field]);
  });
});

describe('a signed card', () => {
  const signed = signCard(card, pair);

  it('says who signed it and what of it they signed', () => {
    const verified = verifyCard({ ...signed, color: 'blue' });
    expect(verified.keyId).toBe(keyId);
    expect(verified.card).toEqual(JSON.parse(canonicalCard(card)));
    expect(cardKeyIds(signed)).toEqual([keyId]);
  });

  it('verifies in jose as a detached JWS with the header that A2A asks for', async () => {
    const [signature] = signed.signatures as unknown as { protected: string; signature: string }[];
    const payload = toBase64Url(utf8Bytes(canonicalCard(card)));
    const key = await importJWK(publicJwk(pair.publicKey), 'EdDSA');
    const { protectedHeader } = await flattenedVerify({ ...signature!, payload }, key);
    expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'JOSE', kid: keyId });
  });

  it('verifies whatever defaults were spelled out on the way', () => {
    expect(
      verifyCard({
        ...signed,
        documentationUrl: '',
        skills: [{ ...(card['skills'] as JsonObject[])[0], tags: ['law'], outputModes: [] }],
      }).keyId,
    ).toBe(keyId);
  });

  it.each<[string, JsonObject]>([
    ['name', { name: 'Other' }],
    [
      'url',
      { supportedInterfaces: [{ url: 'https://evil.example', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }] },
    ],
    ['skills', { skills: [] }],
  ])('does not verify with another %s', (_, changes) => {
    expect(refusal(() => verifyCard({ ...signed, ...changes })).code).toBe('INVALID_SIGNATURE');
  });

  it('does not verify without signatures', () => {
    expect(refusal(() => verifyCard(card)).code).toBe('INVALID_SIGNATURE');
  });

  it('keeps earlier signatures, and any of them may hold', () => {
    const other = generateKeyPair(new Uint8Array(32).fill(4));
    const twice = signCard(signed, other);
    const trusted = (id: string) => (id === keyIdOfDid(other.did) ? importPublicKey(other.publicKey) : undefined);
    expect(cardKeyIds(twice)).toEqual([keyId, keyIdOfDid(other.did)]);
    expect(verifyCard(twice).keyId).toBe(keyId);
    expect(verifyCard(twice, trusted).keyId).toBe(keyIdOfDid(other.did));
  });

  it('takes no key but a trusted one: not by jku, not by a kid that hides behind a did:key', () => {
    const foreign = signCard(card, pair, 'https://keys.example/1');
    expect(refusal(() => verifyCard(foreign)).code).toBe('INVALID_SIGNATURE');
    expect(refusal(() => verifyCard(signCard(card, pair, `${pair.did}#other`))).code).toBe('INVALID_SIGNATURE');
    expect(verifyCard(foreign, () => importPublicKey(pair.publicKey)).keyId).toBe('https://keys.example/1');
  });
});

describe('a signature made elsewhere', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  function es256(header: JsonObject): JsonObject {
    const encoded = toBase64Url(utf8Bytes(JSON.stringify(header)));
    const input = utf8Bytes(`${encoded}.${toBase64Url(utf8Bytes(canonicalCard(card)))}`);
    const signature = signBytes('sha256', input, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' });
    return { ...card, signatures: [{ protected: encoded, signature: toBase64Url(signature) }] };
  }

  it('with ES256 verifies against a trusted P-256 key', async () => {
    const good = es256({ alg: 'ES256', typ: 'JOSE', kid: 'k1' });
    expect(verifyCard(good, () => ec.publicKey).keyId).toBe('k1');
    const jwk: JWK = await exportJWK(ec.publicKey);
    expect(jwk.crv).toBe('P-256');
  });

  it.each<[string, JsonObject]>([
    ['none', { alg: 'none', typ: 'JOSE', kid: 'k1' }],
    ['the algorithm of another key', { alg: 'EdDSA', typ: 'JOSE', kid: 'k1' }],
    ['HMAC with the public key as secret', { alg: 'HS256', typ: 'JOSE', kid: 'k1' }],
    ['no kid', { alg: 'ES256', typ: 'JOSE' }],
    ['no typ', { alg: 'ES256', kid: 'k1' }],
    ['an extension it insists on', { alg: 'ES256', typ: 'JOSE', kid: 'k1', crit: ['b64'], b64: false }],
  ])('is refused with %s', (_, header) => {
    expect(refusal(() => verifyCard(es256(header), () => ec.publicKey)).code).toBe('INVALID_SIGNATURE');
  });

  it.each<[string, Json]>([
    ['no list', 'x'],
    ['no object', ['x']],
    ['too many', Array.from({ length: 17 }, () => ({ protected: 'a', signature: 'b' }))],
  ])('is malformed as %s', (_, signatures) => {
    expect(refusal(() => verifyCard({ ...card, signatures })).code).toBe('MALFORMED_MESSAGE');
  });

  it('of hostile form ends in an AipError', () => {
    const signature = fc.record({ protected: fc.base64String(), signature: fc.string() });
    fc.assert(
      fc.property(fc.oneof(fc.array(signature), fc.jsonValue()), fc.jsonValue(), (signatures, name) => {
        const hostile = { ...card, name, signatures } as unknown as JsonObject;
        expect(() => verifyCard(hostile)).toThrow(AipError);
      }),
    );
  });
});
