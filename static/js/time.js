// Times and days as the reader has them: in the time zone that they chose, else in the browser's.

// The zone that somebody has set for themselves; else the browser's.
const timeZone = known(document.querySelector('.app')?.dataset.zone);
const hours = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', timeZone });
const days = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium', timeZone });
const keys = new Intl.DateTimeFormat('en-CA', { timeZone });

function known(zone) {
  if (!zone) return undefined;
  try { return new Intl.DateTimeFormat(undefined, { timeZone: zone }) && zone; } catch { return undefined; }
}

export const clock = (at) => hours.format(new Date(at));
// The same without "AM" and "PM", for where there is no room.
export const brief = (at) => hours.formatToParts(new Date(at)).filter(({ type }) => type !== 'dayPeriod').map(({ value }) => value).join('').trim();
export const fullTime = (at) => whole.format(new Date(at));
export const dayKey = (at) => keys.format(new Date(at));

export function dayName(at) {
  const now = new Date();
  if (dayKey(at) === dayKey(now)) return 'Today';
  now.setDate(now.getDate() - 1);
  return dayKey(at) === dayKey(now) ? 'Yesterday' : days.format(new Date(at));
}

// A day and an hour in few words, for what stands alone.
const near = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric', timeZone });
export function moment(at) {
  const day = dayName(at);
  return `${day === 'Today' || day === 'Yesterday' ? day : near.format(new Date(at))}, ${clock(at)}`;
}
