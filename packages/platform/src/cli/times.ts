const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A moment: milliseconds since the Unix epoch, or ISO 8601. */
export type Moment = number | string;

const two = (count: number): string => String(count).padStart(2, '0');

/** The time of day here, such as `14:03:27`. */
export function clock(moment: Moment): string {
  const at = new Date(moment);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
}

const day = (at: Date): string => [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');

/**
 * A moment as every command tells people of it: the time of day here, with the day where that is not today's. JSON has
 * it in ISO 8601.
 */
export function when(moment: Moment | undefined, now = Date.now()): string {
  if (moment === undefined) return '';
  const at = new Date(moment);
  if (Number.isNaN(at.getTime())) return String(moment);
  return day(at) === day(new Date(now)) ? clock(moment) : `${day(at)} ${clock(moment)}`;
}

/** The same, and how far away that is: `14:03:27 (5 min ago)`. */
export function whenAndAgo(moment: Moment | undefined, now = Date.now()): string {
  return moment === undefined ? '' : `${when(moment, now)} (${ago(moment, now)})`;
}

/** How far away a moment is, roughly: `5 min ago`, `in 3 h`. */
export function ago(moment: Moment, now = Date.now()): string {
  const distance = new Date(moment).getTime() - now;
  const far = Math.abs(distance);
  if (far < SECOND) return 'now';
  const [size, unit] =
    far < MINUTE ? [SECOND, 's'] : far < HOUR ? [MINUTE, 'min'] : far < 2 * DAY ? [HOUR, 'h'] : [DAY, 'd'];
  const count = `${Math.floor(far / size)} ${unit}`;
  return distance < 0 ? `${count} ago` : `in ${count}`;
}

/** How long something took, roughly: `12 ms`, `3.4 s`, `5 min`. */
export function took(milliseconds: number): string {
  if (milliseconds < SECOND) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < MINUTE) return `${(milliseconds / SECOND).toFixed(1)} s`;
  return milliseconds < 2 * HOUR ? `${Math.round(milliseconds / MINUTE)} min` : `${Math.round(milliseconds / HOUR)} h`;
}

/** Up to here, in milliseconds, a moment of a proof is told exactly. */
const EXACT = 10 * SECOND;

/** A moment beside T, when a stop was received: `T+3 ms`, `T-6 min`. JSON has all its milliseconds. */
export function relativeToT(milliseconds: number): string {
  const far = Math.abs(milliseconds);
  return `T${milliseconds < 0 ? '-' : '+'}${far < EXACT ? `${far} ms` : took(far)}`;
}
