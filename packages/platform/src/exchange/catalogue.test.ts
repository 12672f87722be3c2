import { expect, test } from 'vitest';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import { createCatalogue } from './catalogue.ts';

const common = {
  ownerName: 'x',
  description: '',
  effect: 'read',
  idempotent: true,
  price: 0,
  state: 'active',
} as const;
const agent = (did: string, name: string, more: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
  ...common,
  address: `agent:${did}`,
  kind: 'agent',
  name,
  owner: did,
  ...more,
});
const skill = (did: string, name: string, more: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
  ...common,
  address: `skill:${did}/${name}`,
  kind: 'skill',
  name,
  owner: did,
  ...more,
});

test('an owner replaces all that it offers, and nothing else', () => {
  const catalogue = createCatalogue();
  const changes: string[] = [];
  const stop = catalogue.onChange((owner) => changes.push(owner));
  catalogue.put('did:a', [agent('did:a', 'ann'), skill('did:a', 'look'), skill('did:a', 'fly')]);
  catalogue.put('did:b', [agent('did:b', 'bob')]);
  catalogue.put('did:a', [agent('did:a', 'anna'), skill('did:a', 'look')]);
  expect(
    catalogue
      .list()
      .map(({ address }) => address)
      .toSorted(),
  ).toEqual(['agent:did:a', 'agent:did:b', 'skill:did:a/look']);
  expect(
    catalogue
      .list({ kind: 'agent' })
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(['anna', 'bob']);
  expect(() => catalogue.resolve('agent:ann')).toThrow(expect.objectContaining({ code: 'UNKNOWN_AGENT' }));
  expect(() => catalogue.resolve('skill:anna/fly')).toThrow(expect.objectContaining({ code: 'UNKNOWN_TARGET' }));
  catalogue.remove('did:a');
  expect(catalogue.list({ owner: 'did:a' })).toEqual([]);
  expect(() => catalogue.resolve('capability:look')).toThrow(expect.objectContaining({ code: 'UNKNOWN_TARGET' }));
  stop();
  catalogue.remove('did:b');
  expect(changes).toEqual(['did:a', 'did:b', 'did:a', 'did:a']);
});

test('a capability is offered by whoever is there, each in turn', () => {
  const catalogue = createCatalogue();
  for (const did of ['did:a', 'did:b', 'did:c'])
    catalogue.put(did, [skill(did, 'look', { state: did === 'did:b' ? 'offline' : 'active' })]);
  const served = Array.from({ length: 4 }, () => catalogue.resolve('capability:look').owner);
  expect(served.toSorted()).toEqual(['did:a', 'did:a', 'did:c', 'did:c']);
  expect(served[0]).not.toBe(served[1]);
});

test('a name that several agents have is said to be ambiguous; in one tenant it is not', () => {
  const catalogue = createCatalogue();
  catalogue.put('did:a', [agent('did:a', 'ann', { tenant: 'one' })]);
  catalogue.put('did:b', [agent('did:b', 'ann', { tenant: 'two' })]);
  expect(() => catalogue.resolve('agent:ann')).toThrow(/2 agents are named "ann"/);
  expect(catalogue.resolve('agent:ann', 'two').owner).toBe('did:b');
  expect(() => catalogue.resolve('agent:did:a', 'two')).toThrow(expect.objectContaining({ code: 'UNKNOWN_AGENT' }));
  expect(catalogue.list({ tenant: 'one' }).map(({ owner }) => owner)).toEqual(['did:a']);
});

test('nobody fills the memory with offers', () => {
  const catalogue = createCatalogue();
  const many = Array.from({ length: 5_001 }, (_, n) => skill('did:a', `s${n}`));
  catalogue.put('did:a', many.slice(1));
  expect(() => catalogue.put('did:a', many)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  expect(catalogue.list()).toHaveLength(5_000);
});
