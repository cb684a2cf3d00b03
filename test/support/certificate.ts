// A certificate of a test's own, signed by itself, for the names it is given: written out in DER, for no program makes it.
import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto';

const SEQUENCE = 0x30;
const SET = 0x31;
const ECDSA_SHA256 = '06082a8648ce3d040302';
const COMMON_NAME = '0603550403';
const SUBJECT_ALT_NAME = '0603551d11';
const BASIC_CONSTRAINTS = '0603551d13';

/** Key and certificate in PEM; the certificate is its own authority. */
export function aCertificate(names: string[]): { key: string; cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der(SEQUENCE, hex(ECDSA_SHA256));
  const subject = der(
    SEQUENCE,
    der(SET, der(SEQUENCE, hex(COMMON_NAME), der(0x0c, Buffer.from('PM3K test')))),
  );
  const time = (ms: number) =>
    der(
      0x18,
      Buffer.from(
        `${new Date(Date.now() + ms).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`,
      ),
    );
  const alternatives = der(SEQUENCE, ...names.map((name) => der(0x82, Buffer.from(name))));
  const extensions = der(
    SEQUENCE,
    der(SEQUENCE, hex(SUBJECT_ALT_NAME), der(0x04, alternatives)),
    der(SEQUENCE, hex(BASIC_CONSTRAINTS), der(0x04, der(SEQUENCE, hex('0101ff')))),
  );
  const body = der(
    SEQUENCE,
    der(0xa0, hex('020102')),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    subject,
    der(SEQUENCE, time(-86_400_000), time(86_400_000)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  );
  const signature = createSign('SHA256').update(body).sign(privateKey);
  const whole = der(SEQUENCE, body, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

/** Tag, length, contents. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const contents = Buffer.concat(parts);
  const { length } = contents;
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), contents]);
}
