// The colour maps of the pictures, as `lightning_viz/render/color.py` has them; a test holds both against each other.

/** Orange speaks for, blue against: over an image. */
export const FOR = [255, 150, 30];
export const AGAINST = [70, 140, 255];

const SEQUENTIAL = table(
  '00000300000400000601000701010901010b02010e02021003021204031404031605041806041b07051d08061f0906210a07230b07260d08280e082a',
  '0f092d10092f120a32130a34140b36160b39170b3b190b3e1a0b401c0c431d0c451f0c47200c4a220b4c240b4e260b50270b52290b542b0a562d0a58',
  '2e0a5a300a5c32095d34095f3509603709613909623b09643c09653e0966400966410967430a68450a69460a69480b6a4a0b6a4b0c6b4d0c6b4f0d6c',
  '500d6c520e6c530e6d550f6d570f6d58106d5a116d5b116e5d126e5f126e60136e62146e63146e65156e66156e68166e6a176e6b176e6d186e6e186e',
  '70196e72196d731a6d751b6d761b6d781c6d7a1c6d7b1d6c7d1d6c7e1e6c801f6b811f6b83206b85206a86216a88216a8922698b22698d23698e2468',
  '9024689125679325679526669626669827659928649b28649c29639e2963a02a62a12b61a32b61a42c60a62c5fa72d5fa92e5eab2e5dac2f5cae305b',
  'af315bb1315ab23259b43358b53357b73456b83556ba3655bb3754bd3753be3852bf3951c13a50c23b4fc43c4ec53d4dc73e4cc83e4bc93f4acb4049',
  'cc4148cd4247cf4446d04544d14643d24742d44841d54940d64a3fd74b3ed94d3dda4e3bdb4f3adc5039dd5238de5337df5436e05634e25733e35832',
  'e45a31e55b30e65c2ee65e2de75f2ce8612be9622aea6428eb6527ec6726ed6825ed6a23ee6c22ef6d21f06f1ff0701ef1721df2741cf2751af37719',
  'f37918f47a16f57c15f57e14f68012f68111f78310f7850ef8870df8880cf88a0bf98c09f98e08f99008fa9107fa9306fa9506fa9706fb9906fb9b06',
  'fb9d06fb9e07fba007fba208fba40afba60bfba80dfbaa0efbac10fbae12fbb014fbb116fbb318fbb51afbb71cfbb91efabb21fabd23fabf25fac128',
  'f9c32af9c52cf9c72ff8c931f8cb34f8cd37f7cf3af7d13cf6d33ff6d542f5d745f5d948f4db4bf4dc4ff3de52f3e056f3e259f2e45df2e660f1e864',
  'f1e968f1eb6cf1ed70f1ee74f1f079f1f27df2f381f2f485f3f689f4f78df5f891f6fa95f7fb99f9fc9dfafda0fcfea4',
);
const DIVERGING = table(
  '2166ac2267ac2368ad246aae256bae266daf276eb0286fb12971b12a72b22b74b32c75b32d76b42e78b52f79b6317bb6327cb7337db8347fb83580b9',
  '3682ba3783bb3885bb3986bc3a87bd3b89be3c8abe3d8cbf3e8dc03f8ec04190c14291c24393c34594c34896c44a97c54d99c64f9bc7529cc8549ec9',
  '579fc959a1ca5ca2cb5ea4cc61a6cd63a7ce66a9ce68aacf6aacd06dadd16fafd272b1d374b2d477b4d479b5d57cb7d67eb8d781bad883bbd986bdd9',
  '88bfda8bc0db8dc2dc90c3dd92c5de94c6de96c7df98c8df9ac9e09ccae09ecbe1a0cce2a2cde2a4cee3a6cfe3a8d0e4aad1e4acd2e5aed3e6b0d4e6',
  'b2d5e7b4d6e7b6d7e8b8d8e8bad9e9bbdaeabddbeabfdcebc1ddebc3deecc5dfecc7e0edc9e1edcbe2eecde3efcfe4efd1e5f0d2e5f0d3e6f0d5e6f0',
  'd6e7f0d7e8f1d8e8f1d9e9f1dae9f1dceaf2ddeaf2deebf2dfebf2e0ecf2e2edf3e3edf3e4eef3e5eef3e6eff4e8eff4e9f0f4eaf1f4ebf1f4ecf2f5',
  'eef2f5eff3f5f0f3f5f1f4f6f2f5f6f4f5f6f5f6f6f6f6f6f7f6f5f7f5f3f7f5f1f7f4eff7f3edf8f3ebf8f2e9f8f1e7f8f0e5f9f0e3f9efe1f9eedf',
  'f9edddf9eddbfaecd9faebd7faebd5faead3fbe9d1fbe8cffbe8cdfbe7cbfbe6c9fce6c7fce5c5fce4c3fce3c0fde3befde2bcfde1bafde0b8fde0b6',
  'fddfb4fdddb1fddcaffddbacfddaa9fdd8a7fdd7a4fdd6a2fdd59ffdd39cfdd29afdd197fdd095fdce92fdcd8ffdcc8dfdcb8afdc988fdc885fdc782',
  'fdc680fdc47dfdc37bfdc278fdc175fdbf73fdbe70fdbd6efdbc6bfdba68fdb966fdb863fcb661fbb55efab35cf9b159f8af57f7ae54f6ac52f5aa4f',
  'f5a94df4a74af3a548f2a445f1a243f0a040ef9f3eee9d3bed9b39ec9937eb9834eb9632ea942fe9932de8912ae78f28e68e25e58c23e48a20e3881e',
  'e2871be18519e18316e08214de8013dd7f13db7e12da7c12d97b11d77a11d67810d47710d37610d2740fd0730fcf720ecd710ecc6f0dcb6e0dc96d0d',
  'c86b0cc66a0cc5690bc3670bc2660ac1650abf6309be6209bc6109bb5f08ba5e08b85d07b75b07b55a06b45906b35806',
);

/** The colour of a magnitude in [0, 1]: black, purple, orange, pale yellow. @param {number} share */
export const sequential = (share) => level(SEQUENTIAL, share);

/** The colour of a value in [-1, 1]: blue, white, orange. @param {number} share */
export const diverging = (share) => level(DIVERGING, (share + 1) / 2);

/** @param {number[][]} colours @param {number} share In [0, 1]. */
const level = (colours, share) => colours[Math.round(255 * Math.min(Math.max(share, 0), 1))];

/** 256 colours of six digits each. @param {...string} digits */
function table(...digits) {
  const found = digits.join('').match(/.{6}/g) ?? [];
  return found.map((code) => [0, 2, 4].map((at) => parseInt(code.slice(at, at + 2), 16)));
}
