// The day on which the declarations last changed, for the legal pages; `npm run docs` writes it.
export const UPDATED = {
  on: '2026-11-28',
  declarations: 'efe5f9152ac9679036e06cb2e0b35330402ad272ca3225648f96af8a7eab9647',
};
