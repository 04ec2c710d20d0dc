import { definePack } from '@tallyfleet/domain'

/** Films, their actors and tags: views and downloads, with totals in the catalog that the site itself shows. */
export const jav = definePack({
  domain: 'jav',
  title: 'Film catalog',
  description: 'Views and downloads of movies, actors and tags',
  entityTypes: {
    movie: {
      title: 'Movie',
      catalog: {
        table: 'jav',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'title',
        totals: { view: 'views', download: 'downloads' },
        columns: {
          title: { type: 'string', title: 'Title' },
          code: { type: 'string', title: 'Code' },
          description: { type: 'text', title: 'Description' },
          release_date: { type: 'date', title: 'Released' },
          source: { type: 'string', dimension: true, title: 'Source' },
          studio: { type: 'string', dimension: true, title: 'Studio' },
          duration_minutes: { type: 'integer', title: 'Length in minutes' },
          genres: { type: 'list', dimension: true, title: 'Genres' },
          actors: { type: 'list', dimension: true, title: 'Actors (ids)', references: 'actor' },
          tags: { type: 'list', dimension: true, title: 'Tags', references: 'tag' },
          images: { type: 'list', title: 'Images' },
          created_at: { type: 'datetime', title: 'Added' },
          updated_at: { type: 'datetime', title: 'Changed' },
        },
        quality: {
          fields: {
            actors: 'actors', tags: 'tags', image: 'images', date: 'release_date', genre: 'genres', source: 'source',
            description: 'description',
          },
          category: 'genres',
          twinDate: 'release_date',
        },
      },
    },
    actor: {
      title: 'Actor',
      catalog: {
        table: 'jav_actors',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'name',
        totals: { view: 'views', download: 'downloads' },
        columns: {
          name: { type: 'string', title: 'Name' },
          description: { type: 'text', title: 'Description' },
          birth_date: { type: 'date', title: 'Born', birth: true },
          birthplace: { type: 'string', dimension: true, title: 'Birthplace' },
          source: { type: 'string', dimension: true, title: 'Source' },
          images: { type: 'list', title: 'Images' },
          created_at: { type: 'datetime', title: 'Added' },
          updated_at: { type: 'datetime', title: 'Changed' },
        },
        quality: {
          fields: { image: 'images', date: 'birth_date', birthplace: 'birthplace', description: 'description' },
          category: 'birthplace',
          twinDate: 'birth_date',
        },
      },
    },
    tag: {
      title: 'Tag',
      catalog: {
        table: 'jav_tags',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'name',
        totals: { view: 'views', download: 'downloads' },
        columns: {
          name: { type: 'string', title: 'Name' },
          description: { type: 'text', title: 'Description' },
          kind: { type: 'string', dimension: true, title: 'Kind' },
          created_at: { type: 'datetime', title: 'Added' },
          updated_at: { type: 'datetime', title: 'Changed' },
        },
        quality: { fields: { kind: 'kind', description: 'description' }, category: 'kind' },
      },
    },
  },
  actions: {
    view: { title: 'View' },
    download: { title: 'Download' },
  },
})
