"""The data of a stored study, decoded as its recipes want them."""

from search.edge import UserError
from search.resolve import geometry_of
from search.study import Study
from trainer.data import Dataset, SourceOptions, load, open_source


def dataset_of(study: Study, data: str, options: SourceOptions) -> Dataset:
    """From the cache, where the launch has put them. Raises `UserError` when `data` are not those of the study."""
    definition = study.definition
    dataset = load(
        open_source(data, options),
        geometry_of(definition.baseline),
        definition.test_fraction,
        cache=options.cache,
        skip_broken=options.skip_broken,
    )
    if dataset.digest != study.manifest.data_digest:
        raise UserError(f"{data} is not the data of study {study.name}; give --data with the same images and labels")
    return dataset
