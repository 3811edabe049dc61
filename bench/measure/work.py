"""Files of requests: many that are all different, and such that use every family and key of a large configuration."""

import hmac
import json
import random
import time

from .variants import FAMILIES_OF_THE_JOB, ring_of, secret, unpadded

# So far ahead codes end; a whole run takes less than an hour.
GOOD_FOR = 12 * 3600


def signed(word, kid, key, dice, end):
    """A code in the layout of the job, with a payload of its length."""
    inside = {"u": f"{dice.getrandbits(64):016x}", "t": "H", "n": f"{dice.getrandbits(56):014x}"}
    payload = unpadded(json.dumps(inside, separators=(",", ":")).encode())
    text = f"{word}.{kid}.{payload}.{end + dice.randrange(3600)}"
    return f"{text}.{unpadded(hmac.digest(key, text.encode(), 'sha256'))}"


def body(code, scene, number):
    return f'{{"code":"{code}","scene":"{scene}","terminal":"T{number % 1000:04}"}}\n'


def distinct(path, count, seed=11):
    """The job's mix (half signed, a fifth vouchers, the rest payment codes), no two requests alike."""
    dice = random.Random(seed)
    keys = [(f"k{number:02}", secret(f"test-key-{number}")) for number in range(1, 5)]
    end = int(time.time()) + GOOD_FOR
    with open(path, "w") as out:
        for number in range(count):
            # The number stands in the code, so that chance makes no two alike.
            turn, mark = number % 10, f"{number:09}"
            if turn % 2 == 0:
                out.write(body(signed("FJH1", *dice.choice(keys), dice, end), "register", number))
            elif turn in (1, 3):
                out.write(body(f"{dice.randrange(10**10, 10**11)}00000000{mark}", "settle", number))
            elif turn == 5:
                out.write(body(f"{dice.randrange(10, 16)}{dice.randrange(10**6, 10**7)}{mark}", "pay", number))
            elif turn == 7:
                out.write(body(f"{dice.randrange(25, 31)}{dice.randrange(10**7, 10**8)}{mark}", "pay", number))
            else:
                out.write(body(f"62{dice.randrange(10**7, 10**8)}{mark}", "pay", number))


def spread(path, families, keys, count=20000, seed=13):
    """Signed codes of all families beside the job's, by all keys beside the job's; the same length in every size."""
    dice = random.Random(seed)
    ring = list(ring_of(keys - 4).items())
    end = int(time.time()) + GOOD_FOR
    with open(path, "w") as out:
        for number in range(count):
            word = f"B{dice.randrange(families - FAMILIES_OF_THE_JOB):04}"
            out.write(body(signed(word, *dice.choice(ring), dice, end), "register", number))
