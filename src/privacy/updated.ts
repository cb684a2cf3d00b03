// When the declarations last changed: the legal pages show it. Written by `npm run docs`.
export const UPDATED = {
  on: '2026-11-25',
  declarations: '93d736f85fe0eff052df4e2cc5993b9226f29f7cb7c5b49b319197918fc7b98e',
};
