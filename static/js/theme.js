// Light or dark, turned over from the palette: at once on this page, and kept in one's settings.

export function toggle() {
  const root = document.documentElement;
  const isDark = root.dataset.theme === 'dark' || (root.dataset.theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.dataset.theme = isDark ? 'light' : 'dark';
  remember();
  // A page without that setting still has it until it is left.
  fetch('/settings', { method: 'POST', headers: { accept: 'application/json' }, body: new URLSearchParams({ theme: root.dataset.theme }) }).catch(() => {});
}

// Keeps the theme where the pages of nobody find it: logging in, errors, and the one without a network (`web/theme.rs`).
export function remember() {
  const { theme } = document.documentElement.dataset;
  if (theme && !document.cookie.split('; ').includes(`theme=${theme}`)) document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${location.protocol === 'https:' ? '; secure' : ''}`;
}
