// When the declarations last changed: the legal pages show it. Written by `npm run docs`.
export const UPDATED = {
  on: '2026-11-25',
  declarations: '63d8183a2791fc5fa7ce0f1ab3f6675cc0534cfc16939a8c32bc1e01f451de66',
};
