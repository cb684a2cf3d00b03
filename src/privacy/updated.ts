// When the declarations last changed: the legal pages show it. Written by `npm run docs`.
export const UPDATED = {
  on: '2026-11-25',
  declarations: 'b0aa0600be8a1d8d99e1b4e1e0cbe575e56b96cbb4ce37bac8379ec5242c6d22',
};
