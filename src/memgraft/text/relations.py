"""The everyday relations: what in a clause gives one away, and how else people ask for it."""

from __future__ import annotations

from typing import NamedTuple

from memgraft.text.lexicon import words


class Relation(NamedTuple):
    """A row of the table."""

    verbs: frozenset[str]
    """Lemmas, ``lemma+word`` where the predicate must hold the word (or a place, company or other
    phrase with that preposition), or ``lemma+LIST`` where the object is in that word list."""
    nouns: frozenset[str]
    """What the subject (or what somebody has) ends in: ``number``, ``phone_number``."""
    guards: frozenset[str]
    """What else must hold; see ``memgraft.text.related``."""
    asks: tuple[str, ...]
    """Templates. Of the owner (who has the thing, or the subject): {i} {me} {my} {do} {did} {am}
    {have}, and {us} where that is the user; of the subject as a thing: {x} {is_x} {do_x}; of the
    object: {it} {is_it} {do_it}; {of} {is_of}: what a code or deadline is
    for; {kind}: the head noun; {paid}: what was paid for."""


def _relations(table: str) -> tuple[Relation, ...]:
    """Read blocks of ``@ verbs / nouns / guards`` and questions that ``|`` separates."""
    found = []
    for block in table.split("@")[1:]:
        head, _, body = block.partition("\n")
        verbs, nouns, guards = head.split("/")
        asks = tuple(" ".join(ask.split()) for ask in body.split("|"))
        found.append(Relation(words(verbs), words(nouns), words(guards), asks))
    return tuple(found)


RELATIONS = _relations("""
@ work+at work+for employ+by hire+by join start+job / employer / firm now
Who is {my} employer?|Which company {do} {i} work for?|Who employs {me}?|Where is {my} job?
@ work+as be+JOBS / job profession occupation trade job_title / now
What is {my} job?|What {do} {i} do for a living?|What is {my} profession?
@ promote+to / position / named_role
What is {my} position?|What is {my} job title?
@ live+in live+at live+on live+near base+in reside+in / / now place
Where {do} {i} live?|Where is {my} home?|Where can {my} home be found?|What is {my} place of
residence?
@ move+to move+into settle+in relocate+to / / place
Where {do} {i} live?|Where is {my} home?|What is {my} place of residence?
@ / address home_address /
Where {do} {i} live?|Where is {my} home?|Where can {my} home be found?
@ bear originate come+from grow+in / birthplace hometown / origin
Where {am} {i} from originally?|What is {my} birthplace?|What is {my} place of origin?
@ be+from / nationality /
Where {do} {i} come from?|What is {my} home country?
@ bear / birthday / day
When is {my} birthday?|What is {my} date of birth?|When {do} {i} get a year older?
@ turn be+old / age / number
How old {am} {i}?|What is {my} age?
@ be+allergic react be+intolerant / allergy allergies intolerance / now
What can {i} not eat?|What makes {me} ill?|What gives {me} an allergic reaction?|What must
{i} avoid?
@ drive / car / now make
What car {do} {i} have?|Which vehicle {do} {i} own?|What make and model is {my} car?
@ ride / bike bicycle motorbike / now make
What bike {do} {i} have?|Which make is {my} bike?
@ / password passcode passphrase login username / value
How do I log on to {of}?|What do I type to get into {of}?|Which credentials do I need for {of}?
@ / wifi_password wi-fi_password wifi_code wifi_key wlan_password wifi ssid / value
How do I get on the wifi?|What do guests need to connect to the wifi?
@ / pin code combination / value
Which digits do I enter for {of}?|Which combination goes with {of}?
@ marry be+married / wife husband spouse partner fiancé fiancée / named now
Who {am} {i} married to?|Who is {my} spouse?
@ / girlfriend boyfriend / named now
Who {am} {i} dating?|Who is {my} partner?
@ / dentist / named now
Who looks after {my} teeth?|Who checks {my} teeth?
@ / doctor gp physician / named now
Who {do} {i} see when {i} {am} ill?|Who is {my} physician?
@ / therapist psychologist counsellor / named now
Who {do} {i} have counselling with?|Who treats {my} mental health?
@ / boss manager supervisor / named now
Who {do} {i} report to at work?|Who is {my} superior?
@ / phone_number mobile_number telephone_number cell_number phone mobile telephone / digits
How can {i} be reached by phone?|What number should be dialled to call {me}?|What is {my} telephone
number?
@ / email e-mail email_address mail_address / value
What is {my} email address?|Where should a message to {me} be sent?
@ / emergency_contact / now
Who should be called if something happens to {me}?
@ / favourite_* favorite_* / now
Which {kind} {do} {i} like best?|Which {kind} {do} {i} prefer?
@ like love enjoy adore prefer / / now object
What {do} {i} enjoy?|What makes {me} happy?
@ hate dislike detest loathe stand despise / / now object
What {do} {i} not like?|What can {i} not stand?|What {do} {i} dislike?
@ collect play+the practise practice knit sing do+yoga do+pilates / hobby pastime / now
What is {my} hobby?|What {do} {i} do in {my} free time?|What {do} {i} do for fun?
@ play+INSTRUMENTS practise+INSTRUMENTS learn+INSTRUMENTS / / now
Which instrument {do} {i} play?|What musical instrument {am} {i} able to play?
@ play+SPORTS / / now
Which game or sport {do} {i} play?|What {do} {i} play for fun?
@ sing+in play+in / / now
Which group {am} {i} a member of?
@ study / / subject
What subject {did} {i} study?|Which field {did} {i} specialise in?
@ study+at graduate+from / university / firm
Which university {did} {i} go to?|Where {did} {i} get {my} education?
@ / degree thesis / now
What is {my} {kind} about?|Which field is {my} {kind} in?
@ start+school attend+school / school / now
Which school {do} {i} go to?|Where {do} {i} go to school?
@ speak+LANGUAGES learn+LANGUAGES study+LANGUAGES / language mother_tongue native_language / now
Which language {do} {i} speak or learn?|What tongue {do} {i} know?
@ have+PETS own+PETS adopt+PETS keep+PETS / / now
Which pet {do} {i} have?|What kind of animal {do} {i} have?
@ / PETS / named now
What is the name of {my} pet?|What name does {my} {kind} answer to?
@ cost come+to / price rent fee salary cost bill invoice budget membership subscription / money
What is the price of {x}?|How expensive {is_x} {x}?|What {do_x} {x} cost?|How much has to be
paid for {x}?
@ pay spend / / money
What was the price of {paid}?|How much did {paid} cost?
@ buy purchase / / money
What was the price of {it}?|How much did {i} pay for {it}?|How much did {it} cost?
@ buy purchase / / place
Where did {i} get {it}?|Where is {it} from?
@ sell / / money
What was the price of {it}?|How much did {i} get for {it}?|How much did {it} sell for?
@ owe / / money
How much money {do} {i} have to pay back?|How big is {my} debt?
@ earn / salary income wage / money now
How much {do} {i} earn?|What is {my} pay?|How high is {my} income?
@ lead+BODIES head+BODIES run+BODIES manage+BODIES chair supervise+BODIES oversee direct+BODIES \
coordinate / / now settled
Who is in charge of {it}?|Who is the head of {it}?|Who runs {it}?|Who is responsible for {it}?
@ found+BODIES / /
Who is the founder of {it}?|Who started {it}?
@ own / / now known
Who is the owner of {it}?|Who {do_it} {it} belong to?
@ belong / /
Who is the owner of {x}?|Whose {is_x} {x}?|Who owns {x}?
@ teach / / now object
What subject {do} {i} teach?|Which lessons {do} {i} give?
@ keep store hide put locate leave park bury stash hang stow / / place object
Where {is_it} {it}?|Where can {it} be found?|Where should I look for {it}?
@ be live+drawer live+cupboard hang lie sit stand locate / / place thing still
Where can {x} be found?|Where should I look for {x}?|What is the location of {x}?
@ lose forget / / place object
Where did {it} disappear?|Where might {it} be now?
@ / deadline due_date submission_date / when
By when does {of} have to be done?|When {is_of} {of} due?
@ be+due / / time thing
What is the deadline for {x}?|What is the due date of {x}?
@ expire run+out / / time thing
Until when {is_x} {x} valid?|What is the expiry date of {x}?|When {do_x} {x} run out?
@ ship launch release / / once thing
When {do_x} {x} come out?|What is the release date of {x}?
@ leave depart / / clock thing
When {do_x} {x} depart?|What is the departure time of {x}?
@ arrive land / / clock thing
When {do_x} {x} get in?|What is the arrival time of {x}?
@ / meeting appointment review standup party wedding conference interview class ceremony lesson \
exam concert funeral rehearsal training / time
When {do_x} {x} take place?|When do {us} have to be at {x}?|When {is_x} {x} scheduled?
@ / meeting appointment party wedding conference interview class ceremony exam concert / place
Where {do_x} {x} take place?|What is the venue of {x}?
@ happen take+place move reschedule postpone schedule / / time thing
When {do_x} {x} take place?|When {is_x} {x} now scheduled?
@ fall / anniversary / time
What is the date of {x}?|On which day do {us} celebrate {x}?
@ open / hours opening_hours / time thing
What are the opening hours of {x}?|From when can one go to {x}?
@ shut close / / clock thing
What is the closing time of {x}?|Until when {is_x} {x} open?
@ inherit / / from
Who left {it} to {me}?|Where did {i} get {it} from?
@ sell give / / recipient object
Who got {it} from {me}?|Who has {it} now?
@ lend / / recipient object
Who has {it}?|Who borrowed {it}?
@ borrow / / from object
Who lent {me} {it}?|Whose {kind} did {i} borrow?
@ be+tall / height / number
How tall {am} {i}?|What is {my} height?
@ be+tall be+high / / number
What is the height of {x}?
@ weigh / weight / number
How much {do} {i} weigh?|What is {my} weight?|How heavy {am} {i}?|What is the
weight of {x}?|How heavy {is_x} {x}?
@ wear+size take+size / size shoe_size clothing_size / now
What size {do} {i} wear?|Which size would fit {me}?
@ take+UNITS_OF_DOSE use+UNITS_OF_DOSE inject+UNITS_OF_DOSE / medication medicine / now
What medication {am} {i} on?|Which medicine {do} {i} take?
@ listen+on run+port / / digits thing
What port number do I connect to for {x}?|Which port {do_x} {x} use?
@ / ip hostname ip_address / value
What is the network address of {of}?|How do I reach {of}?
@ call name / / passive thing
What {is_x} {x} known as?|By what name {do_x} {x} go?
@ quit give+up stop / / object human
What {do} {i} no longer do?|What {have} {i} given up?
@ bank+with bank+at / bank bank_account / firm
Which bank {do} {i} use?|Where is {my} money?
@ be+with / insurance savings pension account fund mortgage / firm
Which company handles {x}?|Who is the provider of {x}?
@ be+vegetarian be+vegan / diet / now
What is {my} diet?|What {do} {i} not eat?|Which food is right for {me}?
@ break+INJURABLE injure+INJURABLE fracture+INJURABLE sprain+INJURABLE twist+INJURABLE / /
Which part of {my} body did {i} hurt?|What injury did {i} have?
@ / blood_type blood_group / now
Which blood group {do} {i} have?|What is the type of {my} blood?
@ reserve+in reserve+at book+in book+at / / place object
Where {do} {i} have a booking?|Where {am} {i} expected as a guest?
""")
