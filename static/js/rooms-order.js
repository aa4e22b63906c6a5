// The rooms in the order of the sidebar: which comes next.

export function nextRoom(step, { isUnread = false } = {}) {
  const links = [...document.querySelectorAll('.sidebar a[data-room]')];
  const at = links.findIndex((link) => link.getAttribute('aria-current') === 'page');
  const count = links.length;
  // Once around, and not back to where one is.
  for (let i = 1; i <= count; i++) {
    const from = at < 0 && step < 0 ? 0 : at;
    const link = links[(((from + step * i) % count) + count) % count];
    if (link && link !== links[at] && (!isUnread || link.classList.contains('unread'))) return link.href;
  }
  return null;
}
