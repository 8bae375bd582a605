export const TITLE_GRAPHEMES_MAX = 255
export const NAME_GRAPHEMES_MAX = 255
export const ALT_GRAPHEMES_MAX = 512
export const HANDLE_CHARACTERS_MAX = 255
export const BODY_BYTES_MAX = 512 * 1024
export const URL_BYTES_MAX = 2_048
export const TAGS_MAX = 250
export const OPTIONS_MAX = 3
export const VARIANTS_MAX = 500
export const IMAGES_MAX = 250
export const GRAMS_MAX = 1_000_000_000
export const QUANTITY_MAX = 1_000_000_000
export const COLLECTIONS_MAX = 1_000
/** Collections one product may be in: all of them are looked at for each price. */
export const COLLECTIONS_PER_PRODUCT_MAX = 100
/** Products put into a collection by one request. */
export const COLLECTION_ADDITIONS_MAX = 500
