"""Which statements in other languages than English are worth keeping.

There is no grammar of them here: what asks, requests, greets or supposes is told by its words and
left out; of the rest, what speaks of its author or holds a name or a number is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from memgraft.text import lexicon as lx
from memgraft.text.extract_clean import GAP


@dataclass(frozen=True)
class Language:
    """Words by what they tell; in lower case.

    Attributes:
        known: frequent words that tell the language.
        own: words with which people speak of themselves.
        asks: first words of questions.
        wants: words that address a request to the machine, anywhere.
        orders: first words of requests.
        supposes: words of what is not so.
        idle: openings of small talk.
        points: openings that mean nothing without what they point at.
    """

    known: frozenset[str]
    own: frozenset[str]
    asks: frozenset[str]
    wants: frozenset[str]
    orders: frozenset[str]
    supposes: frozenset[str]
    idle: tuple[str, ...]
    points: frozenset[str]
    suffix: re.Pattern[str] | None = None


def _language(
    known: str, own: str, asks: str, wants: str, orders: str, supposes: str, idle: str, points: str,
    suffix: str = "",
) -> Language:  # fmt: skip
    return Language(
        lx.words(known) | lx.words(own), lx.words(own), lx.words(asks), lx.words(wants),
        lx.words(orders), lx.words(supposes), tuple(idle.split("|")), lx.words(points),
        re.compile(suffix) if suffix else None,
    )  # fmt: skip


_LATIN = {
    "de": _language(
        "der die das und ist nicht ein eine einen einem einer mit auf für von zu im den dem des "
        "auch "
        "sich bei aus wie aber wir sie er es hat haben sind war wird noch nur nach seit heißt "
        "bitte "
        "du kannst danke hallo",
        "ich mich mir mein meine meinen meinem meiner meines wir uns unser unsere unserem unseren",
        "wer was wo wann warum wieso weshalb welche welcher welches wohin woher",
        "bitte du dir dich dein deine ihnen",
        "schreib schreibe erkläre erklär erzähl erzähle zeig zeige sag sage hilf gib übersetze "
        "mach "
        "mache nenne liste erstelle fasse kannst könntest würdest such suche lies stell",
        "wenn falls würde würden wäre hätte könnte vielleicht angenommen",
        "danke|vielen dank|hallo|guten|tschüss|super|toll|alles klar|okay|wie geht|gern|genau|"
        "das hilft|das ist|kein problem|mir geht|ich danke|ich glaube|ich denke|ich verstehe|"
        "ich weiß|"
        "ich brauche hilfe|ich habe eine frage|ich möchte wissen|entschuldig",
        "das es dies diese dieser dieses so",
    ),
    "es": _language(
        "el la los las no a un una y es en de del que por con para se lo al como pero muy más "
        "está hola "
        "gracias también su sus tiene vive son desde hay",
        "yo me mi mis mí conmigo nosotros nos nuestro nuestra nuestros nuestras soy estoy tengo "
        "vivo "
        "trabajo vivimos tenemos somos odio prefiero estudio juego hablo quiero nací voy uso "
        "necesito cumplo compré fui viajo vuelo conduzco colecciono bebo fumo toco aprendo enseño",
        "qué quién quiénes dónde cuándo cuál cuáles cuánto cuántos cómo",
        "tú te ti tu favor puedes podrías usted",
        "escribe escríbeme explica explícame dime dame traduce ayúdame ayuda haz cuéntame "
        "muéstrame "
        "resume crea busca enséñame corrige genera recomiéndame hazme imagina",
        "si quizás quizá ojalá tal supongamos podría tuviera fuera",
        "gracias|muchas gracias|hola|buenos|buenas|adiós|hasta|vale|perfecto|genial|de nada|"
        "qué bien|"
        "claro|creo que|no entiendo|no sé|necesito ayuda|tengo una pregunta|quiero que|"
        "quiero saber|"
        "me alegro|lo siento|estoy bien",
        "eso esto esta este es",
    ),
    "fr": _language(
        "le la les un une et est en de des du que pour avec dans il elle ce au aux sur pas plus "
        "très "
        "a sont chez depuis s'appelle bonjour merci",
        "je j'ai j'habite j'aime j'adore j'étudie j'utilise j'apprends j'espère moi mon ma mes "
        "me m' "
        "nous notre nos suis travaille",
        "qui quoi où quand pourquoi comment combien quel quelle quels quelles est-ce",
        "tu te toi ton ta tes vous votre vos plaît s'il",
        "écris explique donne dis traduis aide montre raconte résume fais peux-tu pouvez-vous "
        "pourrais-tu crée corrige cherche écrivez expliquez donnez génère imagine",
        "si peut-être supposons serais aurais voudrais pourrait",
        "merci|bonjour|salut|bonsoir|au revoir|d'accord|parfait|super|de rien|très bien|ça va|"
        "je pense|"
        "je crois|je ne sais pas|je ne comprends|j'ai besoin d'aide|j'ai une question|désolé|c'est",
        "ce c'est ça cela ceci cette",
    ),
    "it": _language(
        "il lo la gli le no a un una e è di che in per con non si del della al sono ha ma anche "
        "molto "
        "da "
        "ciao grazie chiama vive lavora",
        "io mi mio mia miei mie noi ci nostro nostra ho sono abito vivo lavoro amo odio preferisco "
        "studio gioco parlo tifo vado uso bevo mangio faccio",
        "chi cosa dove quando perché quale quali quanto come",
        "tu ti te tuo tua favore puoi potresti",
        "scrivi scrivimi spiega spiegami dimmi dammi traduci aiutami mostra mostrami riassumi crea "
        "cerca correggi raccontami fammi genera consigliami",
        "se forse magari supponiamo sarei avessi fossi vorrei potrebbe",
        "grazie|ciao|buongiorno|buonasera|salve|arrivederci|va bene|perfetto|prego|ottimo|credo|"
        "penso|"
        "non so|non capisco|ho bisogno di aiuto|ho una domanda|scusa|mi dispiace|sto bene",
        "questo questa quello quella ciò",
    ),
    "pt": _language(
        "o a os as um uma e é em de do da dos das que para com não se no na por mas muito também "
        "mais "
        "está tem são olá obrigado obrigada você chama mora",
        "eu me mim meu minha meus minhas nós nosso nossa nossos nossas sou estou tenho moro "
        "trabalho "
        "gosto odeio prefiro estudo nasci vou uso falo adoro",
        "quem quê onde quando qual quais quanto quantos",
        "você te ti teu tua favor pode poderia",
        "escreva escreve explique explica diga dê traduza ajude me-ajude mostre resuma crie conte "
        "procure corrija gere faça recomende",
        "se talvez suponha seria tivesse fosse gostaria poderia",
        "obrigado|obrigada|olá|oi|bom dia|boa tarde|boa noite|tchau|tudo bem|perfeito|de nada|"
        "legal|"
        "acho que|não sei|não entendo|preciso de ajuda|tenho uma pergunta|desculpe",
        "isso isto este esta esse essa",
    ),
    "nl": _language(
        "de het een en is van in op met voor niet aan er maar ook dat zijn heeft heet bij naar uit "
        "woont werkt hallo dank",
        "ik mij me mijn wij we ons onze heb ben woon werk",
        "wie wat waar wanneer waarom welke hoe",
        "je jij jouw u uw alsjeblieft",
        "schrijf leg vertel geef vertaal help maak toon zeg kun kan zoek corrigeer",
        "als misschien stel zou zouden",
        "dank|bedankt|hallo|hoi|goede|tot ziens|prima|oké|graag|geen probleem|ik denk|ik weet niet|"
        "ik begrijp|ik heb een vraag|ik heb hulp|sorry",
        "dat dit het deze die",
    ),
    "sv": _language(
        "och att det är en ett som på av för med inte den har till om men från heter bor jobbar "
        "var "
        "hej tack min i",
        "jag mig min mitt mina vi oss vår vårt våra",
        "vem vad var när varför vilken hur",
        "du dig din ditt snälla",
        "skriv förklara berätta ge översätt hjälp visa gör säg kan sök",
        "om kanske skulle anta",
        "tack|hej|god|hej då|bra|okej|ingen fara|jag tror|jag vet inte|jag förstår|"
        "jag har en fråga",
        "det detta den här",
    ),
    "pl": _language(
        "i w na z do się nie jest to że o po za od dla ale jak mam ma są przez dziękuję cześć oraz",
        "ja mnie mi mój moja moje moi moim mojej my nas nasz nasza jestem mam mieszkam pracuję "
        "lubię "
        "wolę uczę gram nazywam kocham jadę lecę studiuję",
        "kto co gdzie kiedy dlaczego jaki jaka jakie ile jak czy",
        "ty ci ciebie twój twoja proszę możesz",
        "napisz wyjaśnij powiedz daj przetłumacz pomóż pokaż zrób stwórz znajdź popraw",
        "jeśli jeżeli gdyby może gdybym",
        "dziękuję|dzięki|cześć|dzień|dobry|do widzenia|świetnie|dobrze|okej|myślę|nie wiem|"
        "nie rozumiem|mam pytanie|przepraszam",
        "to ten ta te",
    ),
    "tr": _language(
        "ve bir bu da de için ile çok ama var yok en gibi daha ne mi mı merhaba teşekkürler olarak "
        "benim iki yaşında doktor öğretmen selam",
        "ben bana beni benim bende biz bize bizim",
        "ne kim nerede nereye nasıl neden niçin hangi kaç niye",
        "sen sana senin lütfen bana-yaz mısın misin musun müsün düşünüyorsun",
        "yaz anlat açıkla söyle çevir yardım göster özetle oluştur bul düzelt ver yap öner",
        "eğer belki keşke sanırım diyelim olsa olsaydı",
        "teşekkür|çok teşekkür|sağ ol|merhaba|selam|günaydın|iyi|güle güle|tamam|harika|rica|peki|"
        "bilmiyorum|anlamıyorum|bir sorum var|özür",
        "bu şu o bunlar",
        r"\w{2,}(?:[ıiuü]m|y[ıiuü]m|[ıiuü]m[ıiuü]z|[dt][ıiuü]m|[dt][ıiuü]k|[ıiuü]z)$",
    ),
}  # fmt: skip

# Scripts that are told by their letters: what speaks of its author, and what is no statement.
_SCRIPTS: tuple[tuple[re.Pattern[str], re.Pattern[str] | None, re.Pattern[str]], ...] = (
    (
        re.compile(r"[\u3040-\u30ff]"),
        None,
        re.compile(
            r"(?:か|かな|の|ね|よね|ください|下さい|お願いします|ましょう|なさい|くれ|でしょう)$|"
            r"^(?:ありがと|こんにちは|おはよう|こんばんは|さようなら|はい|いいえ|了解|すみません|"
            r"わかりました|なるほど|それ|これ|あれ|いいです|もし)|"
            r"何|誰|どこ|どう|なぜ|いつ(?!も)|教えて|書いて|翻訳して|助けて|たら、|れば、|と思います"
        ),
    ),
    (
        re.compile(r"[\u3400-\u9fff]"),
        None,
        re.compile(
            r"[吗呢么吧]$|什么|怎么|怎样|哪|谁|为什么|多少|是否|如何|"
            r"^(?:请|帮|给我|告诉|写|翻译|解释|总结|列|你|您|谢|多谢|好的|好吧|没问题|没关系|再见|你好|"
            r"您好|早上好|晚上好|这|那|它|今天天气|天气|如果|要是|假如|假设|要不|也许|可能|可以|能不能|"
            r"能|我觉得|我想(?:让|请|知道|问)|我需要(?:你|帮|一)|我要你|我希望你|我不(?:知道|明白|懂|确定)|"
            r"对|是的|不是|嗯|哈)|请(?:给|帮|告|写)|你能|帮我"
        ),
    ),
    (
        re.compile(r"[\uac00-\ud7af]"),
        None,
        re.compile(
            r"(?:까|까요|나요|가요|니|세요|주세요|줘|해줘|어때요|지요|죠)$|"
            r"^(?:안녕|감사|고마|네|아니요|좋아요|알겠|그것|이것|저것|만약|혹시|왜|무엇|뭐|어디|누구|언제|"
            r"어떻게|미안|죄송|괜찮)|해 ?주|알려|써 ?줘|번역"
        ),
    ),
    (
        re.compile(r"[\u0400-\u04ff]"),
        re.compile(
            r"\b(?:я|мне|меня|мной|мой|моя|моё|мое|мои|моей|моего|мою|мы|нас|нам|наш|наша)\b"
        ),
        re.compile(
            r"^(?:спасибо|привет|здравствуй|добр|пока|до свидан|хорошо|ладно|понятно|отлично|ок|"
            r"да\b|"
            r"нет\b|кто|что|где|когда|почему|зачем|как\b|какой|какая|сколько|напиши|расскажи|"
            r"объясни|"
            r"переведи|помоги|покажи|сделай|дай|скажи|найди|составь|исправь|это|если|я думаю|"
            r"я не (?:знаю|понимаю)|я хочу, чтобы|у меня (?:есть )?вопрос|мне нужна помощь|"
            r"извини|представь|"
            r"придумай|создай|перечисли|посоветуй)|пожалуйста|\bтебя|\bты\b|\bтебе|\bвы\b|\bбы\b|"
            r"может быть|возможно"
        ),
    ),
    (
        re.compile(r"[\u0600-\u06ff]"),
        re.compile(r"أنا|اسمي|عندي|لدي|أعيش|أعمل|أحب|أسكن|أكره|أفضل|زوج|ابن|أمي|أبي|أخي|أختي|عمري"),
        re.compile(
            r"^(?:هل|كيف|ما\b|ماذا|متى|أين|لماذا|من\b|كم|اكتب|ترجم|ساعدني|اشرح|قل|أعطني|لخص|"
            r"مرحبا|شكرا|"
            r"شكرًا|السلام|أهلا|نعم|لا\b|حسنا|هذا|هذه|لو|إذا|ربما|أعتقد)|من فضلك"
        ),
    ),
    (
        re.compile(r"[\u0900-\u097f]"),
        re.compile(r"मैं|मेरा|मेरी|मेरे|मुझे|मुझको|हम|हमारा|हमारी|हमारे"),
        re.compile(
            r"क्या|कैसे|कब|कहाँ|कहां|कौन|क्यों|कितन|कृपया|^(?:नमस्ते|धन्यवाद|शुक्रिया|यह|वह|अगर|"
            r"शायद|"
            r"लिख|बताओ|बताइए)|दीजिए|कीजिए|मुझे बता"
        ),
    ),
)  # fmt: skip
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
# Fewest characters of a statement in scripts without spaces.
_SHORTEST = 4
_ENGLISH = lx.DETERMINERS | lx.PREPOSITIONS | lx.NOMINATIVE | lx.FINITE_AUXILIARIES | lx.words(
    "and not but of to i'm i've i'd don't my your our me it's it is with for that too so no"
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_GREETING = re.compile(
    r"(?:hallo|hola|bonjour|salut|ciao|olá|oi|hoi|hej|cześć|merhaba|selam|привет|здравствуйте|"
    r"danke|"
    r"gracias|merci|grazie|你好|您好|こんにちは|안녕하세요|مرحبا)[,!，！、]\s*",
    re.IGNORECASE,
)


def language_of(text: str) -> str:
    """ "en", another language by its words, "script" if its letters tell, or "?" if nothing does.

    >>> language_of("Ich wohne in Hamburg"), language_of("I live in Hamburg")
    ('de', 'en')
    """
    letters = [c for c in text if c.isalpha()]
    if sum(c > "\u036f" and not "\u1e00" <= c <= "\u1eff" for c in letters) * 2 > len(letters):
        return "script"
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)[:80]]
    leads = {name: _lead(words, language) for name, language in _LATIN.items()}
    best = max(leads, key=lambda name: leads[name])
    if leads[best] > 0:
        return best
    english = any(word in _ENGLISH for word in words)
    strange = any(c > "\x7f" for c in letters)
    return "?" if strange and not english else "en"


def _lead(words: list[str], language: Language) -> float:
    """How much more its words tell of a language than of English; what both have tells nothing."""
    hits = 0.0
    for word in words:
        if word in _ENGLISH:
            hits -= word not in language.known
        else:
            hits += (word in language.known) + 0.5 * (word in language.own)
            if language.suffix is not None and not word.isascii():
                hits += bool(language.suffix.match(word))
    return hits


def foreign_statement(sentence: str, mark: str, language: str) -> str:
    """What of a sentence is worth keeping; "" if nothing is.

    Args:
        mark: what it ends with.
        language: as `language_of` says.
    """
    text = sentence.lstrip("¿¡ ")
    while match := _GREETING.match(text):
        text = text[match.end() :]
    if not text or GAP in text or any(c in mark for c in "?？؟") or sentence.startswith("¿"):
        return ""
    return _in_script(text) if language == "script" else _in_latin(text, language)


def _in_script(text: str) -> str:
    low = text.lower()
    for letters, own, idle in _SCRIPTS:
        if not letters.search(text):
            continue
        if _UNSPACED.search(text):
            return _leading(text, idle)
        long = len(text.split()) > 1
        return text if long and not idle.search(low) and (own is None or own.search(low)) else ""
    return text if len(text.split()) > 2 else ""


def _leading(text: str, idle: re.Pattern[str]) -> str:
    """Clauses up to the first that asks or requests."""
    kept: list[str] = []
    for part in re.split(r"(?<=[，、,])", text):
        if idle.search(part.strip("，、, ")):
            break
        kept.append(part)
    said = "".join(kept).strip("，、, ")
    return said if len(said) >= _SHORTEST else ""


def _in_latin(text: str, name: str) -> str:
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    if not words:
        return ""
    valued = any(w[:1].isupper() or any(c.isdigit() for c in w) for w in text.split()[1:])
    language = _LATIN.get(name)
    if language is None:
        return text if len(words) > 2 and valued else ""
    low, held = text.lower(), set(words)
    idle = low.startswith(language.idle) or words[0] in language.asks | language.orders
    # Turkish has its verbs last.
    idle = idle or (language.suffix is not None and words[-1] in language.orders)
    if idle or held & (language.supposes | language.wants):
        return ""
    elided = {part for word in words if "'" in word for part in (word.partition("'")[0] + "'",)}
    own = bool((held | elided) & language.own or elided & {"j'", "m'"})
    if language.suffix is not None:
        own = own or any(language.suffix.match(word) for word in words)
    if words[0] in language.points and not own:
        return ""
    long = len(words) > (1 if own else 2)
    return text if long and (own or valued) else ""
