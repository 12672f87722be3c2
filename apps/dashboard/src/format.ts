import type { Json } from '@aip/wire';

const number = new Intl.NumberFormat('en-GB');
const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

/** `1,042`. */
export const count = (value: number): string => number.format(value);

/** `1 call`, `2 calls`. */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** Integer units of the ledger: `1,250 units`. */
export const units = (value: number): string => plural(value, 'unit');

/** An entry of the log by its number: `#1042`, without separators, as one would search for it. */
export const entryNumber = (seq: number): string => `#${seq}`;

/** A time as the API gives it: ISO 8601, or milliseconds since the Unix epoch. */
export type Time = string | number;

export const millis = (time: Time): number => (typeof time === 'number' ? time : Date.parse(time));

/** `14:03:22`. */
export const timeOfDay = (time: Time): string => clock.format(millis(time));

/** `14:03:22.123`, for proofs. */
export const exactTime = (time: Time): string => `${timeOfDay(time)}.${String(millis(time) % 1000).padStart(3, '0')}`;

/** `21 Nov 2026, 14:03:22`. */
export const dateAndTime = (time: Time): string => `${day.format(millis(time))}, ${timeOfDay(time)}`;

/** `now`, `12 s`, `5 min`, `3 h`, `2 d`: how long something takes or took, roughly. */
export function duration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60) return `${Math.max(0, seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function ago(time: Time, now: number): string {
  const elapsed = now - millis(time);
  return elapsed < 2000 ? 'just now' : `${duration(elapsed)} ago`;
}

/** `14:59`, `1:02:09`: what is left until a time; `0:00` once it has passed. */
export function countdown(until: Time, now: number): string {
  const left = Math.max(0, Math.ceil((millis(until) - now) / 1000));
  const seconds = String(left % 60).padStart(2, '0');
  const minutes = Math.floor(left / 60) % 60;
  const hours = Math.floor(left / 3600);
  return hours === 0 ? `${minutes}:${seconds}` : `${hours}:${String(minutes).padStart(2, '0')}:${seconds}`;
}

/** Up to here, in milliseconds, a moment of a proof is told exactly. */
const EXACT = 10_000;

/** A moment relative to the kill's T: `T + 3 ms`, `T − 1,204 ms`, `T − 5 min`, `T`. */
export function relativeToT(milliseconds: number): string {
  if (milliseconds === 0) return 'T';
  const far = Math.abs(milliseconds);
  return `T ${milliseconds < 0 ? '−' : '+'} ${far < EXACT ? `${count(far)} ms` : duration(far)}`;
}

/** The middle of a DID left out: `z6MkhaXg…2doK`. Other ids are returned as they are. */
export function shortId(id: string): string {
  const last = id.startsWith('did:') ? id.slice(id.lastIndexOf(':') + 1) : id;
  return last.length > 20 ? `${last.slice(0, 8)}…${last.slice(-4)}` : last;
}

/** Readable names of DIDs. */
export type Names = ReadonlyMap<string, string>;

export const nameOf = (id: string, names: Names): string =>
  names.get(id) ?? shortId(id.replace(/^(user|service):/, ''));

/** Whose budget it is: an agent that was removed has no name any more, only its DID. */
export const payerOf = ({ name, principal }: { name?: string; principal: string }, names: Names): string =>
  name === undefined || name === principal ? nameOf(principal, names) : name;

/** A text with the digests in it (SHA-256, base64url) shortened: `pinned as 47DEQpj8…`. */
export const withShortDigests = (text: string): string =>
  text.replace(/(?<![\w-])([\w-]{8})[\w-]{35}(?![\w-])/g, '$1…');

/** A text of the platform with the names of the agents in it instead of their DIDs, each of them said once. */
export const withNames = (text: string, names: Names): string =>
  text.replace(/(did:[a-z0-9]+:[\w.:%-]*[\w%-])(?: \(([\w.-]+)\))?/g, (_whole, did: string, beside?: string) => {
    const name = nameOf(did, names);
    return beside === undefined || beside === name ? name : `${name} (${beside})`;
  });

/** An address as a reader wants it: who does it, and what. `skill:did:key:z…/search` → `researcher`, `search`. */
export function target(address: string, names: Names): { owner: string; what: string } {
  const colon = address.indexOf(':');
  const [kind, rest] = [address.slice(0, colon), address.slice(colon + 1)];
  if (kind === 'agent') return { owner: nameOf(rest, names), what: '' };
  if (kind === 'operation') return { owner: 'platform', what: rest };
  const slash = rest.indexOf('/');
  if (slash < 0) return { owner: rest, what: '' };
  return { owner: nameOf(rest.slice(0, slash), names), what: rest.slice(slash + 1) };
}

/** A kill scope in words: `Everything`, `Agent researcher`, `Capability search`. */
export function scopeName(scope: string, names: Names): string {
  if (scope === 'global') return 'Everything';
  const colon = scope.indexOf(':');
  const [kind, rest] = [scope.slice(0, colon), scope.slice(colon + 1)];
  const label = kind === 'server' ? 'Tool server' : kind.charAt(0).toUpperCase() + kind.slice(1);
  const name = kind === 'protocol' ? protocolName(rest) : nameOf(rest, names);
  return `${label} ${name}`;
}

const PROTOCOLS: Readonly<Record<string, string>> = {
  mcp: 'MCP',
  a2a: 'A2A',
  acp: 'ACP',
  anp: 'ANP',
  ioap: 'IoAP',
  atp: 'ATP',
  http: 'HTTP',
  local: 'local',
};

export const protocolName = (edge: string): string => PROTOCOLS[edge] ?? edge;

/** JSON for reading, two spaces deep. */
export const pretty = (value: Json | undefined): string => JSON.stringify(value, null, 2) ?? '';
