// The day on which the declarations last changed, for the legal pages; `npm run docs` writes it.
export const UPDATED = {
  on: '2026-11-28',
  declarations: '3cda9545964ccb54cb4beb73c100f610fbd04c750d103b5022c9da4d53aa0bb0',
};
