// The day on which the declarations last changed, for the legal pages; `npm run docs` writes it.
export const UPDATED = {
  on: '2026-11-28',
  declarations: '0aa97c2a4016a9acab77d120d6b75344f63ce8e1e4caa0fb562caf82b6415cf3',
};
