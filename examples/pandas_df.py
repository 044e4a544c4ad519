"""Loaded tables as pandas DataFrames: success rate and prompts of the newest images.

    GENAI_HOME=.genai/demo python examples/pandas_df.py     (after `genai demo --once`)

Needs pandas: pip install pandas.
"""

import os

import dlt

home = os.environ.setdefault("GENAI_HOME", ".genai")
data = dlt.attach("imagine_api_pipeline", pipelines_dir=f"{home}/dlt/pipelines").dataset()

images = data.images.df()
by_state = images.groupby("state").size().sort_values(ascending=False)
print(by_state.to_string())

finished = images[images["state"].isin(["SUCCEEDED", "FAILED"])]
print(f"{(finished['state'] == 'SUCCEEDED').mean():.1%} of {len(finished):,} images succeeded.")
print(images.sort_values("date_created", ascending=False)[["id", "prompt"]].head().to_string())
