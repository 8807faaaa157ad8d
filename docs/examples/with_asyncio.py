import asyncio

from anypool import Executor


async def main():
    with Executor(max_workers=2) as ex:
        futures = [ex.submit(pow, 2, n) for n in range(4)]
        print(await asyncio.gather(*map(asyncio.wrap_future, futures)))
        loop = asyncio.get_running_loop()
        print(await loop.run_in_executor(ex, divmod, 17, 5))


asyncio.run(main())
