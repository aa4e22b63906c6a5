// Times and days as the reader has them: in the time zone that they chose, else in the browser's; with as many hours as the browser's
// clock has. `web/times.rs` writes them the same way for pages, so that nothing changes when a page becomes live.

// The zone that somebody has set for themselves; else the browser's.
const timeZone = known(document.querySelector('.app')?.dataset.zone);
const hasNoon = new Intl.DateTimeFormat(undefined, { hour: 'numeric' }).resolvedOptions().hour12;
const fields = new Intl.DateTimeFormat('en-US', {
  timeZone, hourCycle: 'h23', weekday: 'long', year: 'numeric', month: 'long', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit',
});
const numbers = new Intl.DateTimeFormat('en-US', { timeZone, year: 'numeric', month: 'numeric', day: 'numeric' });

// What all of it follows from, as pages say it of themselves.
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

// The same without "AM" and "PM", for where there is no room.
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

// A day as a number that counts days: the next day's is one more, however many hours lie between.
export function dayKey(at) {
  const { year, month, day } = parts(numbers, at);
  return Date.UTC(year, month - 1, day) / 86_400_000;
}

function near(at, now) {
  const ago = dayKey(now) - dayKey(at);
  return ago === 0 ? 'Today' : ago === 1 ? 'Yesterday' : null;
}

export const dayName = (at, now = Date.now()) => near(at, now) ?? wholeDay(at);

// A day and an hour in few words, for what stands alone.
export const moment = (at, now = Date.now()) => `${near(at, now) ?? date(at)}, ${clock(at)}`;

// How often it is looked at the least whether a day has ended, in milliseconds: days have not all the same length.
const OFTEN = 15 * 60_000;

// Calls `ended` whenever a day has ended for the reader, as long as the signal says.
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
  // A machine that slept knows nothing of the time between.
  document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); }, { signal });
  signal.addEventListener('abort', () => clearTimeout(waiting));
  look();
}
