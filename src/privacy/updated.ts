// When the declarations last changed: the legal pages show it. Written by `npm run docs`.
export const UPDATED = {
  on: '2026-11-25',
  declarations: '60378f4d4728f024c284cfe4a1974d9335b71890eda269b2620bde4360eb3931',
};
