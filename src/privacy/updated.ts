// When the declarations last changed: the legal pages show it. Written by `npm run docs`.
export const UPDATED = {
  on: '2026-11-25',
  declarations: '0bfdeda947744c6284264d14b6f2f363d0e54889c76aaeec3af6a100d101e418',
};
