// The words that TikTok wants agreed to directly before a post is made.
// https://developers.tiktok.com/docs/en/content-sharing-guidelines

const MUSIC = 'Music Usage Confirmation';
const BRANDED = 'Branded Content Policy';

export function declaration(brandContent: boolean): string {
  return brandContent
    ? `By posting, you agree to TikTok's ${BRANDED} and ${MUSIC}`
    : `By posting, you agree to TikTok's ${MUSIC}`;
}
