import time
from tests.journeys.test_single_use import *
from tests.support.contest import *
def test_speed_of_the_whole_thing(store_url):
    auth = make_auth(store_url)
    with arena(store_url, processes=4, contestants=50) as ring:
        for kind in KINDS:
            t=time.time()
            for _ in range(8):
                p=offer(auth,kind); assert ring.fight(p)==1
            print(kind, (time.time()-t)/8*1000, "ms a round")
