/** Stands where the e-mail address of somebody was who has been forgotten. `.invalid` belongs to nobody (RFC 2606). */
export const FORGOTTEN_EMAIL = 'forgotten@erased.invalid'
