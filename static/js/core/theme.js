// Light or dark, toggled in the palette: applied to this page at once, and saved in the settings.

export function toggle() {
  const root = document.documentElement;
  const isDark = root.dataset.theme === 'dark' || (root.dataset.theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.dataset.theme = isDark ? 'light' : 'dark';
  remember();
  // A settings page that shows the old value keeps it until it is left.
  fetch('/settings', { method: 'POST', headers: { accept: 'application/json' }, body: new URLSearchParams({ theme: root.dataset.theme }) }).catch(() => {});
}

// Stores the theme for pages without a signed-in person: log-in, errors, and the offline page (`web/theme_cookie.rs`).
export function remember() {
  const { theme } = document.documentElement.dataset;
  if (theme && !document.cookie.split('; ').includes(`theme=${theme}`)) document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${location.protocol === 'https:' ? '; secure' : ''}`;
}
