import type { Duplex } from 'node:stream';

/** Connections over which somebody has said who they are, and it was true. */
const recognised = new WeakSet<Duplex>();

/** Whoever is at the other end is a stranger no more: what strangers share is not for this connection. */
export const recognise = (socket: Duplex): void => void recognised.add(socket);

export const isRecognised = (socket: Duplex): boolean => recognised.has(socket);
