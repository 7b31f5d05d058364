def test_each_secret_is_another_one_and_long_enough(watchword):
    secrets = {watchword("secret").out.strip() for _ in range(10)}
    assert len(secrets) == 10
    assert all(len(secret) >= 50 for secret in secrets)
