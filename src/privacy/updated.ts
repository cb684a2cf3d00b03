// The day on which the declarations last changed, for the legal pages; `npm run docs` writes it.
export const UPDATED = {
  on: '2026-11-28',
  declarations: '174c74d4eb867310c341283f71a15d57e983c65f4364af356e4e6782bffae1d9',
};
