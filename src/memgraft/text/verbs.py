"""The verbs that the grammar knows, as principal parts; everything else inflects from these."""

from __future__ import annotations

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
