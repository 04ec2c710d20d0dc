// Runs before the first paint, so that a chosen theme and language never flash.
try {
  var root = document.documentElement, theme = localStorage.getItem('theme'), language = localStorage.getItem('language')
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme
  if (language) root.lang = language
} catch { /* storage is blocked: the system's theme stays */ }
