// Menus made of <details>: Escape or a click outside closes them, and arrow keys move between entries. Without scripts they still open and
// close.

export function menu(details, signal) {
  const summary = details.querySelector('summary');
  const items = () => [...details.querySelectorAll('a, button')];
  const close = () => { details.open = false; };
  details.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && details.open) {
      event.stopPropagation();
      event.preventDefault();
      close();
      summary.focus();
      return;
    }
    const all = items();
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    details.open = true;
    all.at(to % all.length)?.focus();
  });
  document.addEventListener('click', (event) => { if (event.target === details || !details.contains(event.target)) close(); }, { signal });
  details.addEventListener('focusout', ({ relatedTarget }) => { if (relatedTarget && !details.contains(relatedTarget)) close(); });
  return close;
}
