// Builds ffmpeg's filters that map HDR (PQ, HLG) and BT.2020 colours to ordinary screens.

/** The brightness of white paper on an HDR screen, in cd/m² (ITU-R BT.2408). */
const WHITE = 203;
/** The brightest level that is kept apart from others, in cd/m². */
const BRIGHTEST = 1_000;

/**
 * Returns filters that turn code values into light, compress it to what a screen can show, change
 * the primaries, and turn light into code values. They are two lookup tables and a matrix: as fast
 * as scaling, and in every build of ffmpeg. zscale is missing in some and several times as slow.
 */
export function toneMap(source: 'pq' | 'hlg' | 'wide'): string[] {
  return [
    'scale=in_color_matrix=bt2020',
    'format=gbrp16le',
    table(`${LINEARIZE[source]}`),
    `colorchannelmixer=${PRIMARIES}`,
    // A screen shows a code value as its 2.4th power (ITU-R BT.1886).
    table('pow(val/maxval,1/2.4)'),
    'sidedata=mode=delete',
    'setparams=color_primaries=bt709:color_trc=bt709',
  ];
}

function table(share: string): string {
  const expression = `'clip(${share},0,1)*maxval'`;
  return `lutrgb=r=${expression}:g=${expression}:b=${expression}`;
}

/** SMPTE ST 2084, as a multiple of WHITE. */
const PQ_ROOT = 'pow(val/maxval,1/78.84375)';
const PQ = `10000/${WHITE}*pow(max(${PQ_ROOT}-0.8359375,0)/(18.8515625-18.6875*${PQ_ROOT}),1/0.1593017578125)`;
/** ARIB STD-B67, with the system gamma of a screen of 1,000 cd/m² (ITU-R BT.2100). */
const HLG_SCENE =
  'if(lte(val/maxval,0.5),pow(val/maxval,2)/3,(exp((val/maxval-0.55991073)/0.17883277)+0.28466892)/12)';
const HLG = `${BRIGHTEST / WHITE}*pow(${HLG_SCENE},1.2)`;

/** Expressions that turn a code value into compressed light, 0…1. */
const LINEARIZE = {
  pq: compress(PQ),
  hlg: compress(HLG),
  wide: 'pow(val/maxval,2.4)',
};

/**
 * A Möbius curve: light below the knee stays as it is; light from there up to BRIGHTEST is
 * compressed above it.
 */
function compress(source: string): string {
  const knee = 0.6;
  const peak = BRIGHTEST / WHITE;
  const a = (-knee * knee * (peak - 1)) / (knee * knee - 2 * knee + peak);
  const b = (knee * knee - 2 * knee * peak + peak) / (peak - 1);
  const scale = (b * b + 2 * b * knee + knee * knee) / (b - a);
  const x = `min(${source},${peak.toFixed(6)})`;
  return `st(0,${x})*0+if(lte(ld(0),${knee}),ld(0),${scale.toFixed(6)}*(ld(0)+${a.toFixed(6)})/(ld(0)+${b.toFixed(6)}))`;
}

/** BT.2020 → BT.709, both with white point D65 (ITU-R BT.2087). */
const PRIMARIES = [
  ...['rr=1.6605', 'rg=-0.5876', 'rb=-0.0728'],
  ...['gr=-0.1246', 'gg=1.1329', 'gb=-0.0083'],
  ...['br=-0.0182', 'bg=-0.1006', 'bb=1.1187'],
].join(':');
