// Small things that a page cannot do by itself. No inline script anywhere: the content policy forbids it.
(() => {
  const cookiePath = () => new URL(document.baseURI).pathname;

  function chooseTheme(choice) {
    document.cookie = `theme=${choice};path=${cookiePath()};max-age=31536000;samesite=lax`;
    document.documentElement.dataset.theme = choice;
    for (const a of document.querySelectorAll('[data-theme-choice]')) {
      if (a.dataset.themeChoice === choice) a.setAttribute('aria-current', 'true'); else a.removeAttribute('aria-current');
    }
  }

  document.addEventListener('click', event => {
    const theme = event.target.closest?.('[data-theme-choice]');
    if (theme) { event.preventDefault(); event.stopPropagation(); chooseTheme(theme.dataset.themeChoice); return; }

    const copy = event.target.closest?.('[data-copy]');
    if (copy) {
      navigator.clipboard?.writeText(copy.dataset.copy);
      const label = copy.querySelector('[data-copy-label]') ?? copy, before = label.textContent;
      label.textContent = 'Copied';
      setTimeout(() => { label.textContent = before; }, 1500);
      return;
    }

    if (event.target.closest?.('[data-reload]')) location.reload();
    const error = document.getElementById('blazor-error-ui');
    if (error && event.target.closest?.('#blazor-error-ui .dismiss')) { event.preventDefault(); error.style.display = 'none'; }
  }, true);

  window.portal = {
    // Times are shown in the zone of who looks; the server learns it from a cookie on the next request and from here now.
    timeZone: () => Intl.DateTimeFormat().resolvedOptions().timeZone,
    openDialog(dialog, dotnet) {
      if (dialog.open) return;
      dialog.addEventListener('cancel', e => { e.preventDefault(); dotnet.invokeMethodAsync('CloseAsync'); });
      dialog.addEventListener('click', e => { if (e.target === dialog) dotnet.invokeMethodAsync('CloseAsync'); });
      dialog.showModal();
      (dialog.querySelector('[autofocus]') ?? dialog.querySelector('input, select, textarea') ?? dialog.querySelector('button'))?.focus();
    },
    closeDialog(dialog) { if (dialog.open) dialog.close(); },
    download(name, type, text) {
      const a = Object.assign(document.createElement('a'), { href: URL.createObjectURL(new Blob([text], { type })), download: name });
      a.click();
      setTimeout(() => URL.revokeObjectURL(a.href), 1000);
    },
  };

  try { document.cookie = `tz=${encodeURIComponent(window.portal.timeZone())};path=${cookiePath()};max-age=31536000;samesite=lax`; } catch { /* no cookies: UTC is shown */ }
})();
