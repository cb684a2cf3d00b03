// The day on which the declarations last changed, for the legal pages; `npm run docs` writes it.
export const UPDATED = {
  on: '2026-11-28',
  declarations: '0374aeede8939bb8a97c6ef0bfb0433340fbba0857e5446876b162a043d3a98f',
};
