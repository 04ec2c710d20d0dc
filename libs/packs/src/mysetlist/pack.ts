import { definePack } from '@tallyfleet/domain'

const MUSIC = ['show', 'artist', 'song', 'setlist', 'venue']

/** Concerts and predicted setlists. Votes are watched by the hour. Templates are messages that the product sends. */
export const mysetlist = definePack({
  domain: 'mysetlist',
  title: 'Concert setlists',
  description: 'Views, votes, follows and searches of shows, artists, songs and setlists',
  finest: 'hour',
  entityTypes: {
    show: {
      title: 'Show',
      catalog: {
        table: 'mysetlist_shows',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'title',
        totals: { view: 'views', vote: 'votes', follow: 'follows' },
        columns: {
          title: { type: 'string', title: 'Title' },
          artist: { type: 'string', dimension: true, title: 'Artist (id)', references: 'artist' },
          venue: { type: 'string', dimension: true, title: 'Venue (id)' },
          city: { type: 'string', dimension: true, title: 'City' },
          country: { type: 'string', dimension: true, title: 'Country' },
          tour: { type: 'string', dimension: true, title: 'Tour' },
          status: { type: 'string', dimension: true, title: 'Status' },
          show_date: { type: 'date', title: 'Date' },
          updated_at: { type: 'datetime', title: 'Changed' },
        },
        quality: {
          fields: { artist: 'artist', venue: 'venue', city: 'city', country: 'country', date: 'show_date' },
          category: 'country',
          twinDate: 'show_date',
        },
      },
    },
    artist: {
      title: 'Artist',
      catalog: {
        table: 'mysetlist_artists',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'name',
        totals: { view: 'views', follow: 'follows', unfollow: 'unfollows', vote: 'votes' },
        columns: {
          name: { type: 'string', title: 'Name' },
          description: { type: 'text', title: 'Description' },
          genres: { type: 'list', dimension: true, title: 'Genres' },
          country: { type: 'string', dimension: true, title: 'Country' },
          images: { type: 'list', title: 'Images' },
          updated_at: { type: 'datetime', title: 'Changed' },
        },
      },
    },
    song: {
      title: 'Song',
      catalog: {
        table: 'mysetlist_songs',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'title',
        totals: { view: 'views', vote: 'votes' },
        columns: {
          title: { type: 'string', title: 'Title' },
          artist: { type: 'string', dimension: true, title: 'Artist (id)', references: 'artist' },
          album: { type: 'string', dimension: true, title: 'Album' },
          duration_seconds: { type: 'integer', title: 'Length in seconds' },
          release_date: { type: 'date', title: 'Released' },
        },
      },
    },
    setlist: {
      title: 'Setlist',
      catalog: {
        table: 'mysetlist_setlists',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'title',
        totals: { view: 'views', vote: 'votes', share: 'shares' },
        columns: {
          title: { type: 'string', title: 'Title' },
          show_id: { type: 'string', dimension: true, title: 'Show (id)', references: 'show' },
          kind: { type: 'string', dimension: true, title: 'Predicted or played' },
          songs: { type: 'list', title: 'Songs (ids)' },
          updated_at: { type: 'datetime', title: 'Changed' },
        },
      },
    },
    venue: { title: 'Venue' },
    page: { title: 'Page' },
    template: { title: 'Message template' },
  },
  actions: {
    page_view: { title: 'Page view', entityTypes: ['page'] },
    view: { title: 'View', entityTypes: MUSIC },
    vote: { title: 'Vote', entityTypes: ['show', 'artist', 'song', 'setlist'] },
    follow: { title: 'Follow', entityTypes: ['show', 'artist', 'venue'] },
    unfollow: { title: 'Unfollow', entityTypes: ['show', 'artist', 'venue'] },
    search: { title: 'Search', entityTypes: [...MUSIC, 'page'] },
    share: { title: 'Share', entityTypes: MUSIC },
    click: { title: 'Click', entityTypes: [...MUSIC, 'page', 'template'] },
    send: { title: 'Sent', entityTypes: ['template'] },
    deliver: { title: 'Delivered', entityTypes: ['template'] },
    open: { title: 'Opened', entityTypes: ['template'] },
  },
})
