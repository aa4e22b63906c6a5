// The settings page: offers the browser's time zone, and previews a theme at once.
import { onPage } from '#js/core/page.js';

onPage((main) => {
  const form = main.querySelector('#settings');
  if (!form) return;
  const field = form.elements.time_zone;
  const suggestion = main.querySelector('#zone-suggestion');
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

  function offer() {
    suggestion.hidden = !zone || zone === 'UTC' || field.value.trim().toLowerCase() === zone.toLowerCase();
  }

  if (zone) {
    const button = suggestion.querySelector('button');
    button.textContent = `Use browser time zone (${zone.replaceAll('_', ' ')})`;
    button.addEventListener('click', () => { field.value = zone; offer(); field.focus(); });
    field.addEventListener('input', offer);
    offer();
  }

  for (const choice of form.querySelectorAll('[name=theme]')) {
    choice.addEventListener('change', () => { document.documentElement.dataset.theme = choice.value; });
  }
});
