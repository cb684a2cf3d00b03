// Shows the API's description; a file of its own, because pages run no inline scripts.
window.SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true });
