// Times and days as the reader has them: in the time zone that they chose, else in the browser's.

const zone = chosen();
const format = (options) => new Intl.DateTimeFormat(undefined, { ...options, timeZone: zone });
const hours = format({ hour: '2-digit', minute: '2-digit' });
const days = format({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const whole = format({ dateStyle: 'full', timeStyle: 'medium' });
const keys = format({ dateStyle: 'short' });

function chosen() {
  const zone = document.querySelector('.app')?.dataset.zone || undefined;
  try {
    new Intl.DateTimeFormat(undefined, { timeZone: zone });
    return zone;
  } catch {
    return undefined; // One that this browser does not know yet.
  }
}

export const clock = (at) => hours.format(new Date(at));
// The same without "AM" and "PM", for where there is no room.
export const brief = (at) => hours.formatToParts(new Date(at)).filter(({ type }) => type !== 'dayPeriod').map(({ value }) => value).join('').trim();
export const fullTime = (at) => whole.format(new Date(at));
export const dayKey = (at) => keys.format(new Date(at));

export function dayName(at) {
  const now = Date.now();
  if (dayKey(at) === dayKey(now)) return 'Today';
  return dayKey(at) === dayKey(now - 86_400_000) ? 'Yesterday' : days.format(new Date(at));
}

// A day and an hour in few words, for what stands alone.
const near = format({ day: 'numeric', month: 'long', year: 'numeric' });
export function moment(at) {
  const day = dayName(at);
  return `${day === 'Today' || day === 'Yesterday' ? day : near.format(new Date(at))}, ${clock(at)}`;
}
