// Times and days in the reader's format: in their chosen time zone or the browser's, on a 12 or 24 hour clock like the browser's.
// `web/times.rs` writes the same for pages, so that nothing changes when a page becomes live.

// The time zone in the person's settings; else the browser's.
const timeZone = known(document.querySelector('.app')?.dataset.zone);
const hasNoon = new Intl.DateTimeFormat(undefined, { hour: 'numeric' }).resolvedOptions().hour12;
const fields = new Intl.DateTimeFormat('en-US', {
  timeZone, hourCycle: 'h23', weekday: 'long', year: 'numeric', month: 'long', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit',
});
const numbers = new Intl.DateTimeFormat('en-US', { timeZone, year: 'numeric', month: 'numeric', day: 'numeric' });

// What the format depends on, as pages state it of themselves.
export const key = () => `${timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone}.${hasNoon ? 12 : 24}.${isoDay(Date.now())}`;

function known(zone) {
  if (!zone) return undefined;
  try { return new Intl.DateTimeFormat(undefined, { timeZone: zone }) && zone; } catch { return undefined; }
}

const parts = (format, at) => Object.fromEntries(format.formatToParts(new Date(at)).map(({ type, value }) => [type, value]));
const noon = (hour) => (hour < 12 ? 'AM' : 'PM');
// Hours and minutes, and seconds if there are any: "07:32", or "7:32".
const digits = (hour, ...rest) => [hasNoon ? String(hour % 12 || 12) : hour, ...rest].join(':');

export function clock(at) {
  const { hour, minute } = parts(fields, at);
  return digits(hour, minute) + (hasNoon ? ` ${noon(hour)}` : '');
}

// The same without "AM" and "PM", where space is short.
export function brief(at) {
  const { hour, minute } = parts(fields, at);
  return digits(hour, minute);
}

function date(at) {
  const { day, month, year } = parts(fields, at);
  return hasNoon ? `${month} ${day}, ${year}` : `${day} ${month} ${year}`;
}

const wholeDay = (at) => `${parts(fields, at).weekday}${hasNoon ? ',' : ''} ${date(at)}`;

export function fullTime(at) {
  const { hour, minute, second } = parts(fields, at);
  return `${wholeDay(at)}, ${digits(hour, minute, second)}${hasNoon ? ` ${noon(hour)}` : ''}`;
}

function isoDay(at) {
  const { year, month, day } = parts(numbers, at);
  return `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
}

// A day as a number: the next day's is one more, however many hours are between.
export function dayKey(at) {
  const { year, month, day } = parts(numbers, at);
  return Date.UTC(year, month - 1, day) / 86_400_000;
}

function near(at, now) {
  const ago = dayKey(now) - dayKey(at);
  return ago === 0 ? 'Today' : ago === 1 ? 'Yesterday' : null;
}

export const dayName = (at, now = Date.now()) => near(at, now) ?? wholeDay(at);

// A day and a time in few words.
export const moment = (at, now = Date.now()) => `${near(at, now) ?? date(at)}, ${clock(at)}`;

// How often a new day is checked for, in milliseconds: days differ in length.
const OFTEN = 15 * 60_000;

// Calls `ended` at each end of a day for the reader, until the signal.
export function onNewDay(ended, signal) {
  let today = dayKey(Date.now());
  let waiting;
  const look = () => {
    clearTimeout(waiting);
    const now = Date.now();
    if (dayKey(now) !== today) {
      today = dayKey(now);
      ended();
    }
    const { hour, minute, second } = parts(fields, now);
    const left = 86_400_000 - ((hour * 60 + Number(minute)) * 60 + Number(second)) * 1_000;
    waiting = setTimeout(look, Math.min(left, OFTEN));
  };
  // A machine that slept missed the timer.
  document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); }, { signal });
  signal.addEventListener('abort', () => clearTimeout(waiting));
  look();
}
