"""Word lists for the shallow English grammar: closed classes, units, people and things."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """Return the set of the blank-separated words: ``words("a b") == {"a", "b"}``."""
    return frozenset(text.split())


# Closed classes -----------------------------------------------------------------------------

SECOND_PERSON = {
    "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself",
    "we": "you", "us": "you", "our": "your", "ours": "yours", "ourselves": "yourselves",
}  # fmt: skip
POSSESSIVES = words("my your his her its our their")
DETERMINERS = POSSESSIVES | words("the a an this that these those every each no some any all both")
NOMINATIVE = words("i you he she it we they")
PRONOUNS = NOMINATIVE | words("me him her us them this that there everyone everybody someone")
BE = words("am is are was were be been being")
HAVE = words("have has had having")
DO = words("do does did")
MODALS = words("will would can could may might must shall should")
FINITE_AUXILIARIES = words("am is are was were have has had do does did") | MODALS
CONTRACTIONS = {
    "'m": "am", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would", "'s": "is",
}  # fmt: skip
NEGATED = {"won't": "will", "can't": "can", "cannot": "can", "shan't": "shall", "ain't": "is"}
NEGATIONS = words("not never")
ADVERBS = words(
    "also always usually often sometimes never ever only just still already now currently really "
    "recently finally actually probably definitely generally normally mostly mainly nearly almost "
    "rarely seldom hardly even both each all not badly severely deeply very quite rather pretty "
    "too so soon later then here there again once twice officially originally previously formerly "
    "today tonight tomorrow yesterday exactly roughly approximately longer"
)
PARTICLES = words("up out off away back down over on in along around together forward")
FREE_PARTICLES = words("up out off away back down together forward")
PHRASAL = words(
    "hand_in bring_in log_on log_in hand_over take_over take_on turn_on turn_over move_in fill_in "
    "switch_on switch_over check_in put_on get_on carry_on sign_in sign_on come_over go_on give_in "
    "bring_along get_along get_around look_over fall_over break_in drop_in try_on hold_on get_in "
    "turn_in start_over take_place"
)
SUBORDINATORS = words(
    "because so though although while when whenever which who whom whose that if unless until "
    "since whereas where after before as but once"
)
HEDGED_SUBORDINATORS = words("so until since after before as once that")
RELATIVES = words("who which that whom where")
CATENATIVES = words(
    "have want need promise plan like love use go hope decide try learn prefer refuse agree forget "
    "start begin intend manage suppose allow tend mean expect choose ask offer propose continue"
)

# Prepositions -------------------------------------------------------------------------------

PLACE_PREPOSITIONS = words(
    "in at on inside outside behind under underneath beneath near beside above below between among "
    "over opposite across along against within into onto around by past through upstairs "
    "downstairs"
)
PREPOSITIONS = PLACE_PREPOSITIONS | words(
    "to from for with without about regarding of since until till before after during via using "
    "like as than towards toward against except despite per on"
)
MOTION = words(
    "move go come travel fly drive walk run return relocate emigrate commute cycle sail head "
    "drive leave ship arrive migrate transfer"
)
TRANSFER = words(
    "give sell lend send hand pass show offer donate owe pay tell write promise teach bring buy "
    "leave award bequeath entrust belong rent lease"
)

# Time, numbers and amounts ------------------------------------------------------------------

WEEKDAYS = words("monday tuesday wednesday thursday friday saturday sunday")
MONTHS = words(
    "january february march april may june july august september october november december jan feb "
    "mar apr jun jul aug sept sep oct nov dec"
)
SEASONS = words("spring summer autumn fall winter christmas easter")
DAY_WORDS = words("weekday weekend day morning afternoon evening night noon midnight lunchtime")
SPAN_UNITS = words("second minute hour day night week month year decade century fortnight season")
PERIODS = WEEKDAYS | MONTHS | SEASONS | DAY_WORDS | SPAN_UNITS
BARE_TIME = words("today tomorrow yesterday tonight now daily weekly monthly nightly yearly ago")
TIME_OPENERS = words("every each last next this")
CLOCK = words("o'clock am pm a.m. p.m. noon midnight half quarter past sharp hrs")
NUMBER_WORDS = words(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred thousand million half dozen"
)
FREQUENCY = words("once twice times")
MONEY = words(
    "euro euros dollar dollars pound pounds franc francs crown crowns krone kroner kronor yen yuan "
    "rupee rupees peso pesos cent cents quid bucks eur usd gbp chf sek nok dkk zloty lira real"
)
MASS_UNITS = words(
    "microgram milligram gram kilogram kilo mg g kg pound ounce ton tonne litre liter ml cup crate "
    "bag box bottle jar pack packet spoon teaspoon tablespoon slice piece pint gallon tablet drop "
    "dose degree percent metre meter km kilometre kilometer mile cm centimetre gigabyte gb acre "
    "hectare foot feet inch stone m"
)
DIMENSIONS = words("tall old long high wide deep heavy thick big far")

# People and things --------------------------------------------------------------------------

TITLES = words(
    "mr mrs ms miss dr prof professor sir lady coach nurse aunt uncle captain judge father sister "
    "brother chef pastor rabbi little old dr. mr. mrs. ms. prof. st. madame"
)
KIN = words(
    "wife husband spouse partner fiancé fiancée girlfriend boyfriend mother father mum mom dad son "
    "daughter sister brother aunt uncle cousin niece nephew grandmother grandfather grandma "
    "grandpa "
    "gran granny grandson granddaughter child kid baby twin friend flatmate roommate neighbour "
    "neighbor boss manager colleague coworker stepmother stepfather stepson stepdaughter godfather "
    "godmother mentor student pupil client tenant landlord landlady parent mother-in-law "
    "father-in-law brother-in-law sister-in-law ex"
)
ROLES = KIN | words(
    "dentist doctor gp therapist plumber electrician teacher coach lawyer accountant vet trainer "
    "chair chairman chairwoman head captain president director treasurer secretary chef cook nurse "
    "physician surgeon optician hairdresser barber babysitter nanny cleaner gardener mechanic "
    "tutor supervisor lead owner founder ceo cto cfo contact guest optometrist guide guardian "
    "adviser advisor artist singer author actor poet mayor midwife physio people "
    "person man woman guy girl boy"
)
PETS = words("dog cat puppy kitten pet parrot hamster rabbit horse pony donkey tortoise bird fish "
             "goldfish budgie gecko snake ferret goat hen cow pig")  # fmt: skip
IRREGULAR_PLURALS = words("people children men women feet teeth mice geese sheep police twins")
SINGULAR_S = words("bus gas boss class glass dress address business focus campus virus species "
                   "news "
                   "series tennis mathematics physics status process access chess press princess "
                   "always this less diabetes asthma plus")  # fmt: skip

ADJECTIVAL = words(
    "tired excited interested worried scared bored pleased confused annoyed red wicked naked "
    "sacred "
    "retired married engaged divorced widowed pregnant related used made hundred bed"
)
TAGGED_ADJECTIVES = words(
    "allergic intolerant sensitive afraid scared terrified fond proud responsible vegetarian vegan "
    "tall old good bad keen married engaged related addicted due open closed ready available full "
    "empty free valid blind deaf"
)
LANGUAGES = words(
    "english french german spanish italian portuguese dutch flemish welsh irish gaelic breton "
    "basque catalan galician swedish norwegian danish finnish icelandic estonian latvian "
    "lithuanian polish czech slovak slovene croatian serbian bosnian albanian greek turkish "
    "russian ukrainian hungarian romanian bulgarian macedonian arabic hebrew persian farsi urdu "
    "hindi bengali tamil punjabi chinese mandarin cantonese japanese korean vietnamese thai "
    "indonesian malay tagalog swahili amharic zulu yoruba latin esperanto maltese georgian "
    "armenian"
)
DEMONYMS = LANGUAGES | words(
    "american canadian british scottish mexican brazilian argentinian chilean colombian peruvian "
    "belgian austrian swiss australian indian pakistani egyptian moroccan nigerian kenyan ghanaian "
    "israeli iraqi iranian slovakian slovenian european african asian catholic muslim jewish hindu"
)
INSTRUMENTS = words(
    "piano guitar violin viola cello bass drum drums flute clarinet oboe bassoon saxophone sax "
    "trumpet trombone tuba horn harp banjo ukulele mandolin accordion organ keyboard harmonica "
    "fiddle bagpipes recorder sitar percussion lute harpsichord cornet"
)
SPORTS = words(
    "football soccer rugby cricket tennis badminton squash basketball volleyball handball hockey "
    "baseball golf chess bridge darts snooker pool padel netball lacrosse polo curling frisbee "
    "waterpolo softball"
)
EVENTS = words(
    "meeting appointment flight deadline party wedding interview exam call train review standup "
    "conference surgery delivery launch ceremony concert dinner lunch checkup anniversary"
)
OCCASIONS = EVENTS | words(
    "birthday funeral class lesson rehearsal retreat festival holiday match game show lecture"
)
BARE_ADVERBS = words("early late well alone home abroad fast hard online regularly upstairs")
JOBS = words(
    "plumber nurse engineer teacher doctor dentist lawyer baker carpenter electrician accountant "
    "architect programmer developer designer writer journalist photographer chef cook waiter "
    "waitress pilot driver farmer gardener librarian pharmacist physicist chemist biologist "
    "mathematician economist historian translator interpreter musician actor actress painter "
    "sculptor mechanic welder tailor butcher barber hairdresser surgeon vet veterinarian midwife "
    "paramedic firefighter fireman policeman policewoman soldier sailor fisherman florist "
    "psychologist psychiatrist therapist physiotherapist optician technician scientist researcher "
    "professor lecturer tutor consultant analyst manager salesman receptionist secretary clerk "
    "cashier cleaner carer postman courier judge notary broker banker bookkeeper editor publisher "
    "producer geologist astronomer botanist beekeeper blacksmith potter weaver luthier bricklayer "
    "roofer joiner surveyor planner officer diplomat politician priest coach trainer instructor "
    "solicitor barrister radiologist cardiologist anaesthetist optometrist chiropractor"
)
BODIES = words(
    "team company firm business shop store bakery café cafe restaurant bar pub hotel school "
    "college academy department division office branch unit group board committee council club "
    "society association charity foundation project programme program initiative agency studio "
    "lab laboratory band choir orchestra league workshop gallery museum library kitchen factory "
    "farm vineyard brewery magazine newspaper podcast channel blog newsletter startup practice "
    "clinic hospital ward nursery kindergarten union party campaign festival conference course "
    "university project operation "
    "crew squad troop chapter cooperative co-op bookshop garage salon publisher consultancy"
)
INJURABLE = words(
    "arm wrist elbow shoulder collarbone leg knee ankle foot toe finger thumb hand hip rib nose "
    "jaw tooth back neck spine heel achilles ligament hamstring tendon skull pelvis"
)
UNITS_OF_DOSE = words(
    "mg microgram micrograms mcg milligram milligrams tablet tablets pill pills medication insulin "
    "ml drops puffs antibiotics"
)
