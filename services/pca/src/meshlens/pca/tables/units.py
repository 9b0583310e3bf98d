"""The units and currencies that people write beside numbers."""

CURRENCY_SYMBOLS = "$€£¥₹₽₩₺₴₪฿¢₫₦₱"
_CURRENCIES = """
USD EUR GBP CHF JPY CNY RMB SEK NOK DKK ISK PLN CZK HUF RON BGN TRY RUB UAH INR KRW AUD NZD CAD SGD
HKD TWD THB IDR MYR PHP VND ZAR BRL MXN ARS CLP COP PEN ILS AED SAR EGP NGN KES
kr Kr KR Fr. SFr. Rs Rs. zł Kč Ft lei US$ A$ C$ R$ NZ$ HK$ S$ NT$
"""
_UNITS = """
% ‰ ppm ppb kg g mg µg ug ng t lb lbs oz st km m dm cm mm µm um nm in inch ft yd mi ha ac
l L dl dL cl mL ml µl ul gal h hr hrs min s sec ms µs us ns d day days wk yr yrs y mo
K °C °F °K ° C F Hz kHz MHz GHz V mV kV A mA µA W kW MW kWh Wh MWh J kJ MJ cal kcal N kN
Pa hPa kPa MPa bar mbar psi atm mmHg mol mmol µmol nmol M mM µM nM dB lx lm cd
mg/l mg/L g/l g/L g/dl g/dL mg/dl mg/dL mmol/l mmol/L µg/l µg/L µg/m3 µg/m³ mg/kg g/kg ml/min
kg/m2 kg/m² kg/m3 kg/m³ m/s km/h mph kph kt rpm bpm hp PS m2 m² m3 m³ cm2 cm² cm3 cm³ km2 km² ft2
ft² sqm sqft cc B kB KB MB GB TB bit px pt k Mio Mrd bn mn Stk pcs
"""
CURRENCIES = frozenset(_CURRENCIES.split())
_ALL = frozenset(_UNITS.split()) | CURRENCIES | {*CURRENCY_SYMBOLS}


def is_unit(text: str) -> bool:
    """Return whether a text is a usual unit, a currency or a per cent sign."""
    return text in _ALL
