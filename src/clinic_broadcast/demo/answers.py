"""The invented blog of the demo: every clinic, doctor and patient here is made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CLINIC: Final = "The Willow Example Clinic"
DOCTOR: Final = "Dr. Ada Example"
SIGNATURE: Final = (
    "<p>Ada Example, M.D.<br>Medical Director<br>The Willow Example Clinic<br>"
    "for additional information check out my blog at <a href='https://willow.example/'>willow.example</a>"
    " and follow me on facebook and twitter with me at @willowexample</p>"
)


@dataclass(frozen=True, slots=True)
class DemoAnswer:
    """One invented answer: its title, the patient's letter, the greeting and the doctor's words."""

    title: str
    letter: str
    greeting: str
    words: tuple[str, ...]

    @property
    def html(self) -> str:
        """Give the page as the blog holds it."""
        paragraphs = "".join(f"<p>{piece}</p>" for piece in self.words)
        return (
            f"<p><b>Question:</b></p><p>{self.letter}</p><p><b>Answer:</b></p><p>{self.greeting}</p>"
            f"{paragraphs}{SIGNATURE}"
        )


OLD: Final = (
    DemoAnswer(
        "How Long Should Sperm Be Frozen Before Use?",
        "Hello Doctor, we stored a sample in Tampere in 2019 and my husband Aleksi worries. Thanks, Helmi",
        "Hello Helmi from Finland,",
        ("Frozen sperm can be stored for many years without losing quality.", "Storage time is not a worry."),
    ),
    DemoAnswer(
        "Fibroids and IVF",
        "Dear Dr. Example, I have a 4 cm fibroid. My sister Ngaire had hers removed in Dunedin. Should I?",
        "Hello Mere from New Zealand,",
        ("Small fibroids on the outer wall are often left alone.",),
    ),
    DemoAnswer(
        "When Is a Semen Analysis Repeated?",
        "Hi, our first test in Ghent was low. We are Lotte and Bram. Do we test again?",
        "Hello Lotte from Belgium,",
        ("A low semen analysis is usually repeated before any decision is made.",),
    ),
)

NEW: Final = (
    DemoAnswer(
        "Thyroid Tests and Early Pregnancy Loss",
        "Hello Dr. Example, I am Solveig from Bergen. I lost two pregnancies and my aunt Ragnhild says it is"
        " the thyroid. Should I be tested? Kind regards, Solveig",
        "Hello Solveig from Norway,",
        (
            "An underactive thyroid can raise the risk of an early loss.",
            "A simple blood test shows how the thyroid works. I would ask your doctor in Bergen for one.",
        ),
    ),
    DemoAnswer(
        "What Does a Hysteroscopy Show?",
        "Hi doctor, they want to look inside at the hospital in Poznan. What will they see? Thanks, Jadwiga",
        "Hello Jadwiga from Poland,",
        (
            "A hysteroscopy shows the inside of the uterus through a thin camera.",
            "Polyps and adhesions can often be removed in the same procedure.",
        ),
    ),
    DemoAnswer(
        "Do Polyps Need to Come Out Before a Transfer?",
        "Dear Dr. Example, I am 38 and they found a polyp of 9 mm in Cork. We transfer in May. Regards, Aoife",
        "Hello Aoife from Ireland,",
        (
            "Polyps inside the uterus are usually removed before an embryo transfer.",
            "The procedure is short and most women go home on the same day.",
        ),
    ),
    DemoAnswer(
        "Blood Thinners and Implantation",
        "Hello, my clinic in Porto gave me Fragmin 5000 every day and then stopped. I am Benedita. Was it right?",
        "Hello Benedita from Portugal,",
        (
            (
                "Fragnim (prednisone# is a steroid and I would not use it for this. Blood thinners are given at a"
                " low dose #5000 units per day) when there is a clotting disorder."
            ),
        ),
    ),
)
"""The last one carries slips of the pen on purpose: a drug mistaken for another and brackets that were lost."""
