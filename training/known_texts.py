"""The texts of the known-answer file, all written for this project.

Each has a label that says what it tries. None comes from a data set.
"""

from __future__ import annotations

_LONG_HAPPY = (
    "I have worn this raincoat every working day since the autumn and it still looks new. "
    "The zip runs smoothly, the hood stays up in the wind and both pockets are deep enough for "
    "a phone and a paperback. "
)
_LONG_TURN = (
    "The first week was fine and I nearly wrote a kind word. Then the seam opened, the colour "
    "ran into a white shirt and the shop stopped answering my letters. "
)

KNOWN_TEXTS: list[tuple[str, str]] = [
    ("plain, 5 stars meant", "I love it, works perfectly and looks great!"),
    ("plain, 4 stars meant", "Good quality for the money, only the cuffs reach past my hands."),
    ("plain, 3 stars meant", "It is okay. Nothing special, nothing wrong either."),
    ("plain, 2 stars meant", "Hoped for more; the cloth is thin and it shrank in the first wash."),
    ("plain, 1 star meant", "Terrible. It fell apart after one day and nobody answers my mails."),
    ("food, 5 stars meant", "Best oat biscuits we ever had, crisp and not too sweet. Ordered!"),
    ("food, 4 stars meant", "Nice strong tea, only the tin arrived with a dent."),
    ("food, 3 stars meant", "The soup tastes all right but you need two packets for a real meal."),
    ("food, 2 stars meant", "Stale nuts in half of the bags, the other half was edible."),
    ("food, 1 star meant", "Awful aftertaste, my dog would not touch it, money thrown away."),
    ("software, 5 stars meant", "Installed in two minutes and has not crashed once this year."),
    ("software, 2 stars meant", "The update removed the one feature I bought the program for."),
    ("software, 1 star meant", "The licence key never worked and support wants money for help."),
    ("game, 4 stars meant", "Lovely graphics and a clever story, a bit short for the price."),
    ("game, 1 star meant", "Servers down on every weekend, I want a refund."),
    ("negation", "not good"),
    ("negated negation", "not bad at all"),
    ("negation far away", "I would not say that I was in any way happy with these boots."),
    ("contrast, ends well", "The parcel came late and wet, but the dress is simply beautiful."),
    ("contrast, ends badly", "Beautiful dress, but it came late, wet and two sizes too small."),
    ("irony", "Great, another kettle that leaks. Just what I needed."),
    ("question", "Why would anyone pay for this?"),
    ("comparison", "Better than my old one, worse than the one before that."),
    ("one word, good", "great"),
    ("one word, bad", "bad"),
    ("one word, neutral", "chair"),
    ("one letter", "x"),
    ("two words", "very comfortable"),
    ("unknown words", "zorbly flimmeret quandoodle snirp"),
    ("typos", "Teh qualty is awfull, brok after tow dais, dont by it"),
    ("letters repeated", "sooooo goooood, I looooove iiiit"),
    ("no spaces", "lovelyjacketfitswellwillbuyagain"),
    ("upper case", "DO NOT BUY! THE WORST SHOES I EVER OWNED!"),
    ("mixed case", "VeRy NiCe ScArF"),
    ("upper case outside ASCII", "\u00c9L\u00c9GANT \u00dcBER-JACKET, \u0130deal"),
    ("digits", "10 out of 10, 5 stars, bought 3 more for 29.99 in 2023"),
    ("digits only", "1 2 3 4 5"),
    ("only exclamation marks", "!!!"),
    ("only a question mark", "?"),
    ("marks between words", "Really?! Broken?? Again!"),
    ("full stops and dashes", "Warm - soft - light ... perfect."),
    ("only separators", " ... --- ((( ))) ;:,"),
    ("empty", ""),
    ("only blanks", " \t\r\n\u00a0\u2003"),
    ("only apostrophes", "'' ' ''' \u2019\u2019"),
    ("ASCII apostrophes", "don't 'quote' it, it's rock'n'roll 'til ''dawn''"),
    ("Unicode apostrophes", "I don\u2019t wear it \u2018outdoors\u2019, it isn\u02bct my size"),
    ("Unicode quotation marks", "\u201cPerfect fit\u201d, said my sister \u2013 she\u2019s strict"),
    ("accented letters", "A na\u00efve caf\u00e9 d\u00e9cor, tr\u00e8s joli"),
    ("ligature and sharp s", "The o\ufb03ce stra\u00dfe print is fine"),
    ("Kelvin sign and dotless i", "\u212aelvin \u0131s cold"),
    ("full-width letters", "\uff27\uff4f\uff4f\uff44 shirt"),
    ("emoji only", "\U0001f600\U0001f44d\u2b50\u2b50\u2b50\u2b50\u2b50"),
    ("emoji among words", "Love\u2764\ufe0fthis\U0001f457so much\U0001f929!"),
    ("CJK only", "\u3068\u3066\u3082\u826f\u3044\u5546\u54c1\u3067\u3059"),
    ("CJK with English", "\u8d28\u91cf good, \u4ef7\u683c too high"),
    ("Hebrew, Arabic, English", "\u05e0\u05d4\u05d3\u05e8 nice \u0645\u0645\u062a\u0627\u0632 bag"),
    ("combining accents", "cafe\u0301 cre\u0300me jacket"),
    ("control characters", "soft\u0000warm\u200bcosy\u00adlight"),
    ("tabs and line ends", "fits\twell\r\nwashes\nwell"),
    ("underscores and slashes", "size_small/medium_large\\extra#tag @shop"),
    ("markup", "<br />Nice &amp; warm<b>coat</b>"),
    ("web address", "see https://example.org/help?id=7 for more"),
    ("token of 24 bytes", "abcdefghijklmnopqrstuvwx ok"),
    ("token of 25 bytes", "abcdefghijklmnopqrstuvwxy ok"),
    ("token of 60 bytes", "wonderful" * 6 + "coat!! ok"),
    ("cut inside an apostrophe", "abcdefghijklmnopqrstuvw'yz ok"),
    ("127 tokens", " ".join(["warm", "and", "soft"] * 42 + ["coat"])),
    ("128 tokens", " ".join(["warm", "but", "itchy", "!"] * 32)),
    ("129 tokens", " ".join(["warm", "but", "itchy", "!"] * 32 + ["terrible"])),
    ("long, one mood", _LONG_HAPPY * 3 + "I would buy it again without a second thought."),
    ("long, turn is cut off", "A lovely pair of gloves. " * 26 + _LONG_TURN * 2),
    ("long, turn is read", _LONG_TURN + "A lovely pair of gloves. " * 30),
]
