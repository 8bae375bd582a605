/** A parcel locker of the carrier. The list goes out with each version of the plugin: at checkout there is no network to ask. */
export interface Locker {
  id: string
  name: string
  address: string
  postcode: string
  city: string
  country: string
}

function locker(id: string, name: string, address: string, postcode: string, city: string, country = 'DE'): Locker {
  return { id, name, address, postcode, city, country }
}

export const LOCKERS: readonly Locker[] = [
  locker('BER-002', 'Alexanderplatz', 'Dircksenstraße 2', '10179', 'Berlin'),
  locker('BER-014', 'Rosenthaler Platz', 'Torstraße 125', '10119', 'Berlin'),
  locker('BER-021', 'Zionskirche', 'Zionskirchstraße 40', '10119', 'Berlin'),
  locker('BER-033', 'Nordbahnhof', 'Invalidenstraße 131', '10115', 'Berlin'),
  locker('BER-070', 'Hermannplatz', 'Hasenheide 1', '12049', 'Berlin'),
  locker('HAM-001', 'Hauptbahnhof', 'Steintorplatz 1', '20099', 'Hamburg'),
  locker('HAM-008', 'Gänsemarkt', 'Gerhofstraße 18', '20354', 'Hamburg'),
  locker('MUC-003', 'Sendlinger Tor', 'Sonnenstraße 24', '80331', 'München'),
  locker('MUC-011', 'Ostbahnhof', 'Orleansplatz 11', '81667', 'München'),
  locker('VIE-001', 'Wien Mitte', 'Landstraßer Hauptstraße 1', '1030', 'Wien', 'AT'),
  locker('VIE-005', 'Praterstern', 'Praterstern 1', '1020', 'Wien', 'AT'),
  locker('GRZ-002', 'Jakominiplatz', 'Jakominiplatz 10', '8010', 'Graz', 'AT'),
]

/** The lockers of a country that lie nearest by postcode: the longer the common beginning, the nearer. Of one distance, by id. */
export function nearestLockers(country: string, postcode: string, count: number): Locker[] {
  const wanted = postcode.replaceAll(/\s/g, '')
  return LOCKERS.filter((locker) => locker.country === country)
    .map((locker) => ({ locker, common: commonLength(locker.postcode, wanted) }))
    .filter(({ common }) => common > 0)
    .sort((a, b) => b.common - a.common || (a.locker.id < b.locker.id ? -1 : 1))
    .slice(0, count)
    .map(({ locker }) => locker)
}

function commonLength(one: string, other: string): number {
  let length = 0
  while (length < one.length && one[length] === other[length]) length++
  return length
}
