// Shows the API's description with swagger-ui. It is a file because pages run no inline scripts.
const look = document.createElement('link');
look.rel = 'stylesheet';
look.href = '/static/docs.css';
document.head.append(look);

const dark = window.matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();

window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  // A screen reader cannot reach the link inside each button.
  deepLinking: false,
  onComplete() {
    document.querySelector('#servers')?.setAttribute('aria-label', 'Server');
  },
});
