// Runs before the first paint, so that a chosen theme and language never flash; and asks who is logged in while the
// scripts are still on their way.
var root = document.documentElement, tenant = new URLSearchParams(location.search).get('tenant')
try {
  var theme = localStorage.getItem('theme'), language = localStorage.getItem('language')
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme
  if (language) root.lang = language
  tenant = tenant || localStorage.getItem('tenant')
} catch { /* storage is blocked: the system's theme stays */ }
window.earlySession = fetch('/api/v1/session', { headers: tenant ? { accept: 'application/json', 'x-tenant': tenant } : { accept: 'application/json' } })
window.earlySession.catch(function () { /* the page asks again, and says so */ })
