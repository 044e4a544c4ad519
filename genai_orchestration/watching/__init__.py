"""What is still open at the providers: counted by day, or asked for by id; pure state machines.

What a watch decides is carried out elsewhere: by a sensor, by a submission that waits for a place.
"""
