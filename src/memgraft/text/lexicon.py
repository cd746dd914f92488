"""Word lists and small tables for the shallow English grammar.

Data only: closed word classes, verbs, units, and the table of everyday relations.
"""

from __future__ import annotations

from typing import NamedTuple


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
    "turn_in start_over"
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
    "tutor supervisor lead owner founder ceo cto cfo contact guest team optometrist guide guardian "
    "artist singer author actor poet mayor midwife physio people person man woman guy girl boy"
)
PETS = words("dog cat puppy kitten pet parrot hamster rabbit horse pony donkey tortoise bird fish "
             "goldfish budgie gecko snake ferret goat hen cow pig")  # fmt: skip
IRREGULAR_PLURALS = words("people children men women feet teeth mice geese sheep police twins")
SINGULAR_S = words("bus gas boss class glass dress address business focus campus virus species "
                   "news "
                   "series tennis mathematics physics status process access chess press princess "
                   "always this less diabetes asthma plus")  # fmt: skip

# Verbs --------------------------------------------------------------------------------------

IRREGULAR = """
be was been| have had had| do did done| go went gone| come came come| get got got| give gave given|
take took taken| make made made| know knew known| see saw seen| say said said| tell told told|
find found found| keep kept kept| leave left left| think thought thought| bring brought brought|
buy bought bought| begin began begun| break broke broken| build built built| catch caught caught|
choose chose chosen| cost cost cost| cut cut cut| draw drew drawn| drink drank drunk|
drive drove driven| eat ate eaten| fall fell fallen| feed fed fed| feel felt felt|
fight fought fought| fly flew flown| forget forgot forgotten| freeze froze frozen| grow grew grown|
hang hung hung| hear heard heard| hide hid hidden| hit hit hit| hold held held| hurt hurt hurt|
lay laid laid| lead led led| learn learnt learnt| lend lent lent| let let let| lie lay lain|
lose lost lost| mean meant meant| meet met met| pay paid paid| put put put| quit quit quit|
read read read| ride rode ridden| ring rang rung| rise rose risen| run ran run| sell sold sold|
send sent sent| set set set| sew sewed sewn| shake shook shaken| shoot shot shot|
show showed shown| shut shut shut| sing sang sung| sink sank sunk| sit sat sat| sleep slept slept|
speak spoke spoken| spend spent spent| spread spread spread| stand stood stood| steal stole stolen|
stick stuck stuck| sting stung stung| swear swore sworn| sweep swept swept| swim swam swum|
teach taught taught| tear tore torn| throw threw thrown| understand understood understood|
wake woke woken| wear wore worn| win won won| write wrote written| bear bore born| bite bit bitten|
bleed bled bled| blow blew blown| dig dug dug| breed bred bred| become became become|
rebuild rebuilt rebuilt| oversee oversaw overseen| withdraw withdrew withdrawn| weave wove woven|
spin spun spun| burn burnt burnt| deal dealt dealt| light lit lit| bet bet bet| knit knit knit|
bind bound bound| shrink shrank shrunk| overlook overlooked overlooked| bend bent bent"""

# A star marks verbs whose base and -s forms are at least as often nouns.
REGULAR = """
live work* like love hate own belong collect restore chair* head* lead* manage run* witness*
ship* listen recommend stay move* marry divorce retire volunteer* study* play* book* park* owe
name* call* locate base* employ hire* promote* inherit propose expire open close* start* end*
finish* happen occur deliver arrive depart land* store* paint* bake coach* train* cover* cross*
prefer enjoy dislike avoid adore need want use* require cost* charge* weigh measure* contain
hold* include plan* schedule* cancel postpone reserve order* rent* lease* invest save* earn donate
support* sponsor* supply* produce host* organise organize attend join visit* travel* commute*
cycle* walk* hike* jog* climb* ski* sail* row* dance* cook* drink* smoke* invent discover design*
develop maintain repair* fix* install deploy compile port* point* return* restart reset* update*
upgrade* back* copy* print* scan* sign* approve reject review* audit* edit* publish record*
broadcast* stream* post* mail* email* phone* text* message* contact* answer* reply* ask explain
describe mention report* present* discuss debate* agree refuse accept decline* promise remember
remind believe expect hope* wish* trust* admire respect* fear* worry* suffer react* treat* cure*
prescribe diagnose operate examine check* test* wash* clean* tidy iron* dry water* feed* groom
breed* adopt foster raise* rescue* sleep* nap* wake* rest* relax exercise* practise practice*
compete swim* race* score* draw* sketch* carve knit* crochet stitch* embroider photograph* film*
act* direct perform compose conduct tune* graduate enrol enroll qualify specialise specialize
research* lecture* tutor* mentor* supervise advise consult represent defend prosecute judge*
govern rule* guard* protect* patrol* serve* cater fit* suit* match* consume burn* heat* cool*
smell* taste* sound* look* seem appear turn* change* switch* replace swap* exchange* trade* borrow
find* bury lock* unlock fasten attach connect link* plug* pin* tape* glue* nail* screw* tie* wrap*
pack* unpack load* unload carry drag* pull* push* lift* drop* throw* catch* kick* hit* face*
border* adjoin surround separate divide split* share* merge form* found establish create build*
construct demolish renovate convert extend expand reduce increase* double* total* average* amount*
number* last* continue stop* pause* resume engage celebrate fall* date* meet* greet introduce
invite* welcome* thank* bless baptise christen sit* stand* lie* lean* kneel dwell reside settle
emigrate immigrate relocate migrate originate descend follow* watch* view* read* write* translate
interpret pronounce spell* age* die stem depend rely insist object* drive* ride* fly* board*
pilot* steer anchor* moor dock* tow* respond handle* process* monitor* log* crash* fail* break*
leak* flood* itch* sneeze* cough* faint* bite* scratch* bark* purr chase* shed* nest* hatch
subscribe trigger* generate export* import* query* index* cache* route* proxy forward encrypt
rotate renew revoke validate verify authenticate authorise authorize limit* block* allow permit*
forbid ban* enforce apply submit* file* claim* win* award* nominate elect appoint assign* delegate
allocate dedicate commit* stash pile* stack* arrange sort* count* rank* rate* grade* mark* sample*
brew* distil ferment roast* grill* fry* boil* steam* season* peel* chop* slice* mix* stir* pour*
fill* empty wipe* scrub* polish* sand* plaster* tile* varnish insulate wire* mow prune plant* sow
harvest* pick* gather forage hunt* fish* trap* shoot* shear milk* butcher* tan dye* spin* tattoo*
pierce inject swallow chew* inhale breathe stutter snore* detest loathe despise tolerate resent
envy* miss* cherish favour* favor* select opt vote* campaign* protest* strike* picket resign fire*
sack* dismiss coordinate negotiate bank* budget* fund* finance* insure mortgage* invoice* bill*
refund* deposit* transfer* credit* debit* tax* exempt accompany escort escape* survive* wound*
injure fracture sprain* bruise* swell twist* dislocate vaccinate dine lunch* seat* accommodate
house* shelter* guide* tour* camp* repeat* recur observe commemorate honour* toast* mourn court*
cremate tend dread rehearse busk juggle skate* surf* box* wrestle fence* bowl* golf* mute sync*
pass* result* consist comprise equal* cease help* step* hook* suppose babysit sublet brief* fetch*
ensure boast* commission notify refer regret adjust prepare reach* nickname* assemble dispatch*
commence* alphabetise retrieve hoard accuse admit adapt add announce apologise appreciate argue
assist attract bother cause* compare complain concern* confirm consider damage* decide deny
deserve destroy disappear encourage estimate* exist explode express* finalise gain* grip* hand*
identify imagine improve influence* inform inspect intend interrupt kill* knock* lack* laugh*
lower manufacture matter* mind* notice* obey occupy offend oversleep participate please possess
predict prevent prove provide punish realise recognise release* remove request* rush* satisfy
shout* snap* solve spoil squeeze strengthen stretch* suggest surprise* suspect* tempt terrify
threaten tick* touch* track* try* unite vanish wait* wander whistle* wonder yell zip* unsubscribe
mount* outsource"""

ADJECTIVAL = words(
    "tired excited interested worried scared bored pleased confused annoyed red wicked naked "
    "sacred "
    "retired married engaged divorced widowed pregnant related used made hundred bed"
)
TAGGED_ADJECTIVES = words(
    "allergic intolerant sensitive afraid scared terrified fond proud responsible vegetarian vegan "
    "tall old good bad keen married engaged related addicted"
)


class Relation(NamedTuple):
    """An everyday relation: what gives it away, and how else people ask for it."""

    verbs: frozenset[str]
    """Lemmas, or ``lemma+word`` where the predicate must hold the word."""
    nouns: frozenset[str]
    """Head nouns of the subject (or of what somebody has)."""
    asks: tuple[str, ...]
    """Templates with {i} {me} {my} {do} {am} {have} {it} (the object) and {x} (the noun phrase)."""


def _relations(table: str) -> tuple[Relation, ...]:
    """Read blocks of ``@ verbs / nouns`` followed by questions that ``|`` separates."""
    found = []
    for block in table.split("@")[1:]:
        head, _, body = block.partition("\n")
        verbs, _, nouns = head.partition("/")
        asks = tuple(" ".join(ask.split()) for ask in body.split("|"))
        found.append(Relation(words(verbs), words(nouns), asks))
    return tuple(found)


RELATIONS = _relations("""
@ work+at work+for work+with employ+by hire+by join+as start+job work+in / employer company job
Who is {my} employer?|Which company {do} {i} work for?|Who employs {me}?|Where is {my} job?
@ work+as be+plumber be+nurse be+engineer be+teacher / job profession occupation trade title role
What is {my} job?|What {do} {i} do for a living?|What is {my} profession?
@ live+in live+at live+on live+near live+with move+to move+into settle+in base+in reside \
relocate / address
Where {do} {i} live?|What is {my} address?|Which city is {my} home?|Where can you find {my} house?
@ bear+in bear+at come+from grow+in originate / birthplace hometown
Where {am} {i} from originally?|What is {my} birthplace?|What is {my} place of origin?
@ bear+on turn / birthday
When is {my} birthday?|What is {my} date of birth?|On which date was {i} born?|When {do} {i} get a
year older?
@ turn be+old / age
How old {am} {i}?|What is {my} age?
@ be+allergic react be+intolerant get+hives suffer+from / allergy allergies intolerance
What can {i} not eat?|Which food makes {me} ill?|What gives {me} an allergic reaction?|Which
ingredient must {i} avoid?
@ drive own+car have+car / car vehicle
What car {do} {i} have?|Which vehicle {do} {i} own?|What make and model is {my} automobile?
@ ride have+bike / bike bicycle motorbike
What bike {do} {i} have?|Which make is {my} two-wheeler?
@ / password passcode passphrase login username
How do I log on?|What do I type to get into it?|Which credentials do I need to sign in?
@ / wifi wi-fi wlan ssid
How do I get on the wireless internet?|What do guests need to connect to the network?
@ / pin code combination
Which digits do I enter to unlock it?|How do I get in?|What number opens it?
@ marry be+married / wife husband spouse partner fiancé fiancée
Who {am} {i} married to?|Who is {my} spouse?|What is the name of {my} wife?|Who is {my} husband?
@ / girlfriend boyfriend
Who {am} {i} dating?|Who is {my} partner?
@ / dentist
Who looks after {my} teeth?|Where do {i} get {my} teeth checked?
@ / doctor gp physician surgeon
Who {do} {i} see when {i} {am} ill?|Who is {my} physician?
@ be+therapist / therapist psychologist counsellor
Who {do} {i} have counselling with?|Who treats {my} mental health?
@ reach+on / phone mobile number telephone cell
How can {i} be reached by phone?|What number should be dialled to call {me}?|What is {my} telephone
number?
@ / email e-mail mail
What is {my} email address?|Where should I send a message to {me}?
@ / favourite favorite
Which one {do} {i} like best?|What {do} {i} prefer?
@ like love enjoy adore prefer / hobby
What {do} {i} enjoy?|What is {my} favourite?|What makes {me} happy?
@ hate dislike detest loathe avoid stand / dislike
What {do} {i} not like?|What {do} {i} refuse to eat?|What {am} {i} averse to?
@ collect play practise learn knit sing do+yoga do+pilates volunteer / hobby
What is {my} hobby?|What {do} {i} do in {my} free time?|What {do} {i} do for fun?
@ play sing keep+goal coach / instrument team band choir club
Which instrument {do} {i} play?|Which sport {do} {i} do?|Which club {am} {i} a member of?
@ study graduate / university degree school subject thesis
What subject {do} {i} study?|Which field is {my} degree in?|Which university or school {do} {i}
go to?
@ start+school attend enrol / school
Which school {do} {i} go to?|Where {am} {i} a pupil?
@ speak learn / language
Which language {do} {i} speak?|What tongue {do} {i} talk in?
@ have+dog have+cat own+dog / dog cat puppy kitten pet parrot hamster rabbit horse pony donkey \
tortoise
What is the name of {my} pet?|Which pet {do} {i} have?|What name does the animal answer to?
@ cost pay owe charge come+euros sell+for buy+for bring+in / price rent fee salary cost bill \
invoice budget
What is the price?|How much money is it?|What sum has to be paid?|What does {x} cost?
@ earn / salary income wage
How much {do} {i} earn?|What is {my} pay?
@ buy / 
What was the price of {it}?|Where did {i} get {it}?|How much did {i} pay for {it}?
@ lead chair head run manage supervise oversee direct found own coordinate /
Who is in charge of {it}?|Who is the head of {it}?|Who runs {it}?|Who is responsible for {it}?
@ / boss manager supervisor
Who {do} {i} report to at work?|Who is {my} superior?
@ teach / class course
What subject {do} {i} teach?|Which lessons {do} {i} give?
@ keep store hide put locate leave park bury live+drawer live+cupboard stash hang lie sit /
Where is {it}?|Where can {it} be found?|What is the hiding place of {it}?|Where should I look
for {it}?
@ lose forget leave /
Where is {it} now?|Where did {it} disappear?
@ / deadline expiry due submission
By when does it have to be done?|What is the due date?|When is it due?
@ ship launch release deliver expire / release launch
When does {x} come out?|What is the release date of {x}?|Until when is {x} valid?
@ / flight plane train gate boarding seat
When does the plane leave?|Which flight {am} {i} on?|Where do {i} board?
@ happen take+place move schedule postpone / meeting appointment review standup party wedding \
conference interview class
When does {x} take place?|Where does {x} happen?|When do {i} have to be there?
@ fall+on / anniversary wedding
What is the date of {x}?|On which day do {i} celebrate {x}?
@ shut close open / hours
What are the opening hours of {x}?|What is the closing time of {x}?
@ belong own / owner
Who is the owner?|Whose is {x}?|Who owns {x}?
@ inherit /
Who left {it} to {me}?|Where did {i} get {it} from?
@ sell give /
Who bought {it} from {me}?|Who has {it} now?|Who got {it}?
@ borrow lend / 
Who has {it}?|Who borrowed {it}?
@ be+tall / height
How tall {am} {i}?|What is {my} height?
@ weigh be+kilos be+kg / weight
How much {do} {i} weigh?|What is {my} weight?
@ wear / size
What size {do} {i} wear?|Which size should I order for {me}?
@ take+mg take+micrograms take+tablets take+medication take+insulin prescribe / medication \
medicine tablets dose
What medication {am} {i} on?|What is {my} dose?|Which tablets {do} {i} take?|Which pills were
prescribed?
@ listen / port host server hostname ip
What port number do I connect to?|How do I reach {x}?|What is the address of {x}?
@ call name /
What is the name of {x}?|Which name was chosen?|What is {x} known as?
@ smoke quit give+up / 
When {do} {i} stop?|What {do} {i} no longer do?
@ bank invest save be+with / insurance bank account fund savings pension
Which company is {x} with?|Where is {my} money?|Who is the provider of {x}?
@ be+vegetarian be+vegan / diet
What is {my} diet?|What {do} {i} not eat?|Which food should I cook for {me}?
@ break injure fracture operate /
What injury {do} {i} have?|Which body part was hurt?
@ be+from / nationality
Where {do} {i} come from?|What is {my} home country?
@ promote / position
What is {my} position?|What is {my} job title?
@ / blood
Which blood group {do} {i} have?
@ / contact emergency
Who should be called if something happens to {me}?
@ reserve book / reservation booking table hotel room
Where is the booking?|Which room is it in?
""")
