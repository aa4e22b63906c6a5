// Times and days as the reader has them.

const hours = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const days = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

export const clock = (at) => hours.format(new Date(at));
// The same without "AM" and "PM", for where there is no room.
export const brief = (at) => hours.formatToParts(new Date(at)).filter(({ type }) => type !== 'dayPeriod').map(({ value }) => value).join('').trim();
export const fullTime = (at) => whole.format(new Date(at));
export const dayKey = (at) => new Date(at).toDateString();

export function dayName(at) {
  const now = new Date();
  if (dayKey(at) === now.toDateString()) return 'Today';
  now.setDate(now.getDate() - 1);
  return dayKey(at) === now.toDateString() ? 'Yesterday' : days.format(new Date(at));
}

// A day and an hour in few words, for what stands alone.
const near = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
export function moment(at) {
  const day = dayName(at);
  return `${day === 'Today' || day === 'Yesterday' ? day : near.format(new Date(at))}, ${clock(at)}`;
}
